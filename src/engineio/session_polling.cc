// The polling side of the session: GETs that carry packets out, POSTs that carry them in.
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
    exchange.respond(poll_response(format, std::move(payload)));
    begin_heartbeat();
}

void Server::SessionImpl::handle_request(const HttpRequest& request,
                                         std::unique_ptr<HttpExchange> exchange) {
    if (request.method == "GET") return handle_get(std::move(exchange));
    if (request.method == "POST") return handle_post(request, *exchange);
    exchange->respond(method_not_allowed());
}

void Server::SessionImpl::handle_get(std::unique_ptr<HttpExchange> exchange) {
    if (poll_) return refuse_overlap(*exchange);
    poll_ = std::move(exchange);
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
    exchange->respond(poll_response(format, std::move(payload)));
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
