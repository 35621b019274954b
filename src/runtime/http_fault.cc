#include "runtime/http_fault.h"

#include <string>

#include "base/json.h"

namespace signalbox::runtime {
namespace {

struct Answer {
    int status;
    ErrorCode code;
    std::string_view message;
};

Answer answer_to(HttpFault fault) {
    using enum HttpFault;
    constexpr auto kInvalid = ErrorCode::kInvalidMessage;
    switch (fault) {
        case kNotHttp:
            return {400, kInvalid, "This is not an HTTP/1.1 request."};
        case kTarget:
            return {400, kInvalid, "The request target is not a path."};
        case kField:
            return {400, kInvalid, "A header field is malformed."};
        case kFoldedField:
            return {400, kInvalid, "A header field is folded over lines."};
        case kHost:
            return {400, kInvalid, "Exactly one valid Host header field is required."};
        case kContentLength:
            return {400, kInvalid, "Content-Length is not one number."};
        case kLengthWithEncoding:
            return {400, kInvalid, "Transfer-Encoding and Content-Length exclude each other."};
        case kEncodingInHttp10:
            return {400, kInvalid, "HTTP/1.0 has no Transfer-Encoding."};
        case kUnknownEncoding:
            return {501, kInvalid, "The only transfer coding known here is chunked."};
        case kChunk:
            return {400, kInvalid, "The chunked body is malformed."};
        case kHeaderTooLarge:
            return {431, kInvalid, "The request header is too large."};
        case kTooManyFields:
            return {431, kInvalid, "The request has too many header fields."};
        case kBodyTooLarge:
            return {413, ErrorCode::kPayloadTooLarge, "The request body is too large."};
        case kMethod:
            return {405, ErrorCode::kMethodNotAllowed, "This method is not available."};
        case kExpectation:
            return {417, kInvalid, "The only expectation met is 100-continue."};
        case kHeaderTimeout:
            return {408, ErrorCode::kTimeout, "The request header took too long."};
        case kBodyTimeout:
            return {408, ErrorCode::kTimeout, "The request body took too long."};
        case kWebSocketKey:
            return {400, kInvalid, "Sec-WebSocket-Key must be 16 bytes in base64."};
        case kWebSocketVersion:
            return {426, kInvalid, "The WebSocket version must be 13."};
        case kWebSocketExtensions:
            return {400, kInvalid, "Sec-WebSocket-Extensions is no list of extensions."};
        case kWebSocketRequest:
            return {400, kInvalid, "A WebSocket opens with a GET of HTTP/1.1."};
    }
    return {500, ErrorCode::kInternal, "Internal error."};
}

HttpResponse make_response(const Answer& answer) {
    const ErrorInfo& info = error_info(answer.code);
    std::string body;
    JsonWriter json(body);
    json.begin_object().key("error").begin_object();
    json.member("code", info.name).member("message", answer.message);
    if (info.retryable) json.member("retryable", true);
    json.end_object().end_object();
    auto response = HttpResponse::of(answer.status, "application/json", std::move(body));
    if (info.retryable) response.headers.add("Retry-After", "1");
    return response;
}

}  // namespace

HttpResponse response_to(HttpFault fault) {
    auto response = make_response(answer_to(fault));
    if (fault == HttpFault::kWebSocketVersion) {
        response.headers.add("Sec-WebSocket-Version", "13");
    }
    return response;
}

HttpResponse error_response(ErrorCode code, std::string_view message) {
    return make_response({error_info(code).http_status, code, message});
}

HttpResponse internal_error_response() {
    return error_response(ErrorCode::kInternal, "Internal error.");
}

}  // namespace signalbox::runtime
