// The polling side of the session: GETs that carry packets out, POSTs that carry them in.
#include <limits>

#include "engineio/payload.h"
#include "engineio/session.h"

namespace signalbox::engineio {
namespace {

constexpr std::string_view kOctetStream = "application/octet-stream";

HttpResponse polling_response(std::string_view content_type, std::string body) {
    HttpResponse response = HttpResponse::of(200, content_type, std::move(body));
    response.headers.add("cache-control", "no-store");
    return response;
}

HttpResponse poll_response(PayloadFormat format, std::string payload) {
    const bool text = format != PayloadFormat::kV3Binary;
    return polling_response(text ? "text/plain; charset=UTF-8" : kOctetStream, std::move(payload));
}

HttpResponse method_not_allowed() {
    HttpResponse response = HttpResponse::of(405, "text/plain", "Method not allowed");
    response.headers.add("Allow", "GET, POST");
    return response;
}

bool is_octet_stream(const HttpRequest& request) {
    const auto type = request.headers.find("Content-Type");
    return type && equal_ignoring_case(type->substr(0, type->find(';')), kOctetStream);
}

}  // namespace

/// Holds back the answer to the held GET while several packets may be sent, so that one answer
/// carries them all.
class Server::SessionImpl::Cork {
public:
    explicit Cork(SessionImpl& session) : session_(session) { ++session_.corks_; }
    ~Cork() {
        --session_.corks_;
        session_.flush_poll();
    }
    Cork(const Cork&) = delete;
    Cork& operator=(const Cork&) = delete;

private:
    SessionImpl& session_;
};

void Server::SessionImpl::open_on(HttpExchange& exchange) {
    std::string payload;
    const std::string data = open_packet();
    const PayloadFormat format = payload_format();
    append_to_payload(payload, format, {.type = PacketType::kOpen, .data = data});
    HttpResponse response = poll_response(format, std::move(payload));
    const CookieOptions& cookie = server_.options_.cookie;
    if (!cookie.name.empty()) response.headers.add("Set-Cookie", set_cookie(cookie, sid_));
    exchange.respond(std::move(response));
    begin_heartbeat();
}

void Server::SessionImpl::handle_request(const HttpRequest& request,
                                         std::unique_ptr<HttpExchange> exchange) {
    if (request.method == "GET") return handle_get(request, std::move(exchange));
    if (request.method == "POST") return handle_post(request, *exchange);
    exchange->respond(method_not_allowed());
}

void Server::SessionImpl::handle_get(const HttpRequest& request,
                                     std::unique_ptr<HttpExchange> exchange) {
    if (poll_) return refuse_overlap(*exchange);
    poll_ = std::move(exchange);
    accepted_ = accepted_coding(request.headers.find("Accept-Encoding"));
    if (state_ == State::kLingering && queue_.empty()) return finish(reason_);
    if (queue_.empty() && probe_answered()) queue_.push({.type = PacketType::kNoop});
    if (!queue_.empty()) return answer_poll();
    poll_->on_abort([this] { on_poll_abort(); });
}

void Server::SessionImpl::refuse_overlap(HttpExchange& second) {
    second.respond(http_refusal(Refusal::kBadRequest));
    finish(CloseReason::kTransportError);
}

void Server::SessionImpl::on_poll_abort() {
    // The callback that runs now is the exchange's own.
    server_.graveyard_.bury(std::move(poll_));
    finish(CloseReason::kTransportError);
}

void Server::SessionImpl::answer_poll() {
    std::string payload;
    payload.reserve(queue_.bytes());
    const PayloadFormat format = payload_format();
    queue_.drain([&](const Packet& packet) { append_to_payload(payload, format, packet); });
    const std::unique_ptr<HttpExchange> exchange = std::move(poll_);
    exchange->on_abort({});
    HttpResponse response = poll_response(format, std::move(payload));
    compress(response);
    exchange->respond(std::move(response));
}

void Server::SessionImpl::compress(HttpResponse& response) {
    const std::size_t threshold = server_.options_.http_compression_threshold;
    const std::size_t size = response.body.size();
    if (threshold == 0 || (size < threshold && !accepted_.refuses_identity)) return;
    response.headers.add("Vary", "Accept-Encoding");
    if (accepted_.preferred == ContentCoding::kIdentity) return;
    const std::size_t bytes_max =
        accepted_.refuses_identity ? std::numeric_limits<std::uint32_t>::max() : size - 1;
    auto compressed = server_.compressor_.compress(accepted_.preferred, response.body, bytes_max);
    if (!compressed) return;
    response.body = std::move(*compressed);
    response.headers.add("Content-Encoding", std::string(to_string(accepted_.preferred)));
}

/// Of what is queued: a v3 client that takes bytes gets them as they are.
PayloadFormat Server::SessionImpl::payload_format() const {
    if (protocol_ == Protocol::kV4) return PayloadFormat::kV4;
    const bool raw = binary_form_ == BinaryForm::kRaw && queue_.has_binary();
    return raw ? PayloadFormat::kV3Binary : PayloadFormat::kV3Text;
}

void Server::SessionImpl::flush_poll() {
    if (poll_ && corks_ == 0 && !queue_.empty()) answer_poll();
}

void Server::SessionImpl::handle_post(const HttpRequest& request, HttpExchange& exchange) {
    if (is_octet_stream(request) && protocol_ == Protocol::kV4) {
        exchange.respond(http_refusal(Refusal::kBadRequest));
        return finish(CloseReason::kTransportError);
    }
    if (request.body.size() > server_.options_.payload_bytes_max) {
        return exchange.respond(HttpResponse::of(413, "text/plain", "Payload too large"));
    }
    const Cork cork(*this);
    read_payload(request);
    exchange.respond(polling_response("text/html", "ok"));
}

void Server::SessionImpl::read_payload(const HttpRequest& request) {
    const PayloadFormat format = protocol_ == Protocol::kV4 ? PayloadFormat::kV4
                                 : is_octet_stream(request) ? PayloadFormat::kV3Binary
                                                            : PayloadFormat::kV3Text;
    PayloadReader reader(format, request.body);
    while (open()) {
        const auto packet = reader.next();
        if (!packet) return finish(CloseReason::kParseError);
        if (!*packet) return;
        on_packet(**packet);
    }
}

}  // namespace signalbox::engineio
