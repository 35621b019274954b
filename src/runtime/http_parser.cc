#include "runtime/http_parser.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <optional>
#include <utility>

#include "base/check.h"

namespace signalbox::runtime {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using Text = boost::beast::string_view;

std::string_view std_view(Text text) {
    return {text.data(), text.size()};
}

bool is_any_of(std::string_view bytes, std::string_view characters) {
    return bytes.find_first_of(characters) != std::string_view::npos;
}

bool has_folded_line(std::string_view lines) {
    for (auto end = lines.find('\n'); end != std::string_view::npos;
         end = lines.find('\n', end + 1)) {
        if (is_any_of(lines.substr(end + 1, 1), " \t")) return true;
    }
    return false;
}

/// What one of Beast's errors means to the client.
HttpFault fault_of(const error_code& error) {
    switch (static_cast<http::error>(error.value())) {
        case http::error::header_limit:
            return HttpFault::kHeaderTooLarge;
        case http::error::body_limit:
            return HttpFault::kBodyTooLarge;
        case http::error::bad_content_length:
        case http::error::multiple_content_length:
            return HttpFault::kContentLength;
        case http::error::bad_transfer_encoding:
            return HttpFault::kLengthWithEncoding;
        case http::error::bad_chunk:
        case http::error::bad_chunk_extension:
            return HttpFault::kChunk;
        case http::error::bad_method:
        case http::error::bad_version:
            return HttpFault::kNotHttp;
        case http::error::bad_target:
            return HttpFault::kTarget;
        default:
            return HttpFault::kField;
    }
}

/// "http://host/path?query" becomes "/path?query"; other targets stay.
/// @return false for what is no target that we serve.
bool to_origin_form(std::string_view method, std::string& target) {
    if (target.starts_with('/')) return true;
    if (target == "*") return method == "OPTIONS";
    const auto scheme_end = target.find("://");
    if (scheme_end == std::string::npos) return false;
    const std::string_view scheme = std::string_view(target).substr(0, scheme_end);
    if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https")) return false;
    const auto rest = target.find_first_of("/?", scheme_end + 3);
    if (rest == scheme_end + 3) return false;
    target.erase(0, std::min(rest, target.size()));
    if (!target.starts_with('/')) target.insert(0, 1, '/');
    return true;
}

}  // namespace

class HttpRequestParser::Grammar final : public http::basic_parser<true> {
public:
    explicit Grammar(const HttpLimits& limits) : limits_(limits) {
        // The limit of Beast is one of a single put(); the real one is counted in feed().
        header_limit(static_cast<std::uint32_t>(limits.header_bytes_max + 1));
        body_limit(limits.body_bytes_max);
    }

    std::expected<std::size_t, HttpFault> feed(std::string_view bytes);
    Stage stage() const {
        if (is_done()) return Stage::kComplete;
        return in_body_ ? Stage::kBody : Stage::kHeader;
    }

    HttpRequest request;
    bool expects_continue = false;
    bool http11 = false;
    bool upgrade_to_websocket = false;

private:
    std::optional<HttpFault> count_header(std::string_view used);
    [[nodiscard]] std::optional<HttpFault> fault_in_trailer(std::string_view used) const;
    HttpFault fault_in(const error_code& error, std::string_view rest) const;
    void refuse(HttpFault fault, error_code& error) {
        fault_ = fault;
        error = http::error::bad_field;
    }
    void check_encoding(std::string_view value, error_code& error);

    void on_request_impl(http::verb, Text method, Text target, int version,
                         error_code& error) override;
    void on_field_impl(http::field name, Text name_text, Text value, error_code& error) override;
    void on_header_impl(error_code& error) override;
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override;
    std::size_t on_body_impl(Text body, error_code&) override;
    void on_chunk_header_impl(std::uint64_t size, Text extensions, error_code& error) override;
    std::size_t on_chunk_body_impl(std::uint64_t, Text body, error_code& error) override {
        return on_body_impl(body, error);
    }
    void on_response_impl(int, Text, int, error_code&) override { SB_CHECK(false); }
    void on_finish_impl(error_code&) override {}

    const HttpLimits limits_;
    std::size_t header_bytes_ = 0;
    std::size_t fields_ = 0;
    unsigned hosts_ = 0;
    unsigned encodings_ = 0;
    std::size_t extension_bytes_ = 0;  // of all chunks
    bool has_length_ = false;
    bool last_chunk_ = false;
    bool bad_host_ = false;
    bool in_body_ = false;
    std::optional<HttpFault> fault_;  // ours, when a callback has stopped Beast
};

std::expected<std::size_t, HttpFault> HttpRequestParser::Grammar::feed(std::string_view bytes) {
    std::size_t used = 0;
    while (!is_done() && used < bytes.size()) {
        const bool in_header = !in_body_;
        const std::string_view rest = bytes.substr(used);
        // Beast asserts that it never sees a part of a last chunk without extensions.
        constexpr std::string_view kLastChunk = "0\r\n\r\n";
        const bool partial = rest.size() < kLastChunk.size() && kLastChunk.starts_with(rest);
        if (!in_header && chunked() && partial) break;
        error_code error;
        const std::size_t n = put(boost::asio::const_buffer(rest.data(), rest.size()), error);
        used += n;
        if (in_header) {
            if (const auto fault = count_header(rest.substr(0, n))) return std::unexpected(*fault);
        }
        // Beast takes the last chunk with its trailer at once.
        if (last_chunk_ && !error) {
            if (const auto fault = fault_in_trailer(rest.substr(0, n)))
                return std::unexpected(*fault);
        }
        if (error == http::error::need_more) {
            const std::size_t waiting = bytes.size() - used;
            if (in_header && header_bytes_ + waiting > limits_.header_bytes_max) {
                return std::unexpected(HttpFault::kHeaderTooLarge);
            }
            if (!in_header && waiting > limits_.header_bytes_max) {
                return std::unexpected(HttpFault::kChunk);
            }
            break;
        }
        if (error) return std::unexpected(fault_in(error, rest));
    }
    return used;
}

std::optional<HttpFault> HttpRequestParser::Grammar::count_header(std::string_view used) {
    header_bytes_ += used.size();
    if (header_bytes_ > limits_.header_bytes_max) return HttpFault::kHeaderTooLarge;
    if (has_folded_line(used)) return HttpFault::kFoldedField;
    return std::nullopt;
}

std::optional<HttpFault> HttpRequestParser::Grammar::fault_in_trailer(std::string_view used) const {
    if (used.size() > limits_.header_bytes_max) return HttpFault::kChunk;
    if (has_folded_line(used)) return HttpFault::kFoldedField;
    return std::nullopt;
}

HttpFault HttpRequestParser::Grammar::fault_in(const error_code& error,
                                               std::string_view rest) const {
    if (fault_) return *fault_;
    if (in_body_ && error != http::error::body_limit) return HttpFault::kChunk;
    const HttpFault fault = fault_of(error);
    if (fault == HttpFault::kContentLength && encodings_ > 0) return HttpFault::kLengthWithEncoding;
    if (fault == HttpFault::kLengthWithEncoding && !has_length_) return HttpFault::kUnknownEncoding;
    // "GET /" without a version ends in the target; a line of something else is not HTTP at all.
    if (fault == HttpFault::kTarget || fault == HttpFault::kNotHttp) {
        return rest.find(" HTTP/1.") == std::string_view::npos ? HttpFault::kNotHttp : fault;
    }
    return fault;
}

void HttpRequestParser::Grammar::on_request_impl(http::verb, Text method, Text target, int version,
                                                 error_code& error) {
    request.method = std_view(method);
    request.target = std_view(target);
    http11 = version == 11;
    if (request.method == "CONNECT" || request.method == "TRACE") {
        return refuse(HttpFault::kMethod, error);
    }
    if (!to_origin_form(request.method, request.target)) return refuse(HttpFault::kTarget, error);
    const std::size_t question = std::min(request.target.find('?'), request.target.size());
    request.path = request.target.substr(0, question);
    request.query = request.target.substr(std::min(question + 1, request.target.size()));
}

void HttpRequestParser::Grammar::check_encoding(std::string_view value, error_code& error) {
    if (!http11) return refuse(HttpFault::kEncodingInHttp10, error);
    if (++encodings_ > 1 || !equal_ignoring_case(value, "chunked")) {
        refuse(HttpFault::kUnknownEncoding, error);
    }
}

void HttpRequestParser::Grammar::on_field_impl(http::field name, Text name_text, Text value,
                                               error_code& error) {
    if (in_body_) return;  // a trailer field: nobody here asks for one
    if (++fields_ > limits_.header_fields_max) return refuse(HttpFault::kTooManyFields, error);
    const std::string_view text = std_view(value);
    if (name == http::field::host) {
        ++hosts_;
        bad_host_ = is_any_of(text, " \t,/@?#\\");
    } else if (name == http::field::content_length) {
        const bool again = std::exchange(has_length_, true);
        if (again || is_any_of(text, ",")) return refuse(HttpFault::kContentLength, error);
    } else if (name == http::field::transfer_encoding) {
        check_encoding(text, error);
    } else if (name == http::field::upgrade) {
        const http::token_list tokens{value};
        upgrade_to_websocket = std::any_of(tokens.begin(), tokens.end(), [](Text token) {
            return equal_ignoring_case(std_view(token), "websocket");
        });
    } else if (name == http::field::expect && http11) {
        if (!equal_ignoring_case(text, "100-continue"))
            return refuse(HttpFault::kExpectation, error);
        expects_continue = true;
    }
    request.headers.add(std::string(std_view(name_text)), std::string(text));
}

void HttpRequestParser::Grammar::on_header_impl(error_code& error) {
    in_body_ = true;
    if (hosts_ > 1 || bad_host_ || (http11 && hosts_ == 0)) return refuse(HttpFault::kHost, error);
    if (encodings_ > 0 && has_length_) refuse(HttpFault::kLengthWithEncoding, error);
}

void HttpRequestParser::Grammar::on_chunk_header_impl(std::uint64_t size, Text extensions,
                                                      error_code& error) {
    last_chunk_ = size == 0;
    extension_bytes_ += extensions.size();
    if (extension_bytes_ > limits_.header_bytes_max) refuse(HttpFault::kChunk, error);
}

void HttpRequestParser::Grammar::on_body_init_impl(const boost::optional<std::uint64_t>& length,
                                                   error_code&) {
    constexpr std::uint64_t kReservedMax = 16 * 1024;
    if (length) request.body.reserve(static_cast<std::size_t>(std::min(*length, kReservedMax)));
}

std::size_t HttpRequestParser::Grammar::on_body_impl(Text body, error_code&) {
    request.body.append(body.data(), body.size());
    return body.size();
}

HttpRequestParser::HttpRequestParser(const HttpLimits& limits)
    : grammar_(std::make_unique<Grammar>(limits)) {}

HttpRequestParser::~HttpRequestParser() = default;

std::expected<std::size_t, HttpFault> HttpRequestParser::feed(std::string_view bytes) {
    return grammar_->feed(bytes);
}

HttpRequestParser::Stage HttpRequestParser::stage() const {
    return grammar_->stage();
}

bool HttpRequestParser::expects_continue() const {
    return grammar_->expects_continue;
}

bool HttpRequestParser::keep_alive() const {
    return grammar_->http11 && grammar_->keep_alive();
}

bool HttpRequestParser::is_http11() const {
    return grammar_->http11;
}

bool HttpRequestParser::wants_websocket() const {
    return grammar_->upgrade_to_websocket && grammar_->upgrade();
}

HttpRequest HttpRequestParser::take() {
    SB_CHECK(stage() == Stage::kComplete);
    return std::move(grammar_->request);
}

}  // namespace signalbox::runtime
