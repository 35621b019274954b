#include "engineio/server.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engineio/session.h"
#include "engineio/sid.h"

namespace signalbox::engineio {
namespace {

/// The characters that HTTP forbids in a field value.
bool has_illegal_characters(std::string_view value) {
    return std::ranges::any_of(value, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && byte != '\t') || byte == 0x7F;
    });
}

std::string_view sid_of(const QueryParameters& query) {
    return query.find("sid").value_or("");
}

std::optional<Protocol> protocol_of(const QueryParameters& query) {
    const auto revision = query.find("EIO");
    if (revision == "4") return Protocol::kV4;
    if (revision == "3") return Protocol::kV3;
    return std::nullopt;
}

}  // namespace

std::string_view to_string(CloseReason reason) {
    switch (reason) {
        case CloseReason::kTransportError:
            return "transport error";
        case CloseReason::kTransportClose:
            return "transport close";
        case CloseReason::kForcedClose:
            return "forced close";
        case CloseReason::kPingTimeout:
            return "ping timeout";
        case CloseReason::kParseError:
            return "parse error";
        case CloseReason::kServerShutdown:
            return "server shutting down";
        case CloseReason::kPayloadTooLarge:
            return "payload too large";
        case CloseReason::kSlowConsumer:
            return "slow consumer";
    }
    std::unreachable();
}

/// A handshake that waits for the application's decision.
struct Server::Admission {
    enum class State : std::uint8_t { kAsking, kWaiting, kDecided };

    AdmissionId id = 0;
    State state = State::kAsking;
    HttpRequest request;
    std::unique_ptr<HttpExchange> exchange;     // polling
    std::unique_ptr<WebSocketUpgrade> upgrade;  // WebSocket
    std::optional<HttpResponse> refusal;        // once decided

    void refuse(HttpResponse response) {
        if (exchange) return exchange->respond(std::move(response));
        upgrade->refuse(std::move(response));
    }
    void refuse(Refusal why) { refuse(exchange ? http_refusal(why) : upgrade_refusal(why)); }
};

Server::Server(Options options, ShardIndex shard, TimerWheel& wheel, Random& random,
               Application& application)
    : options_(std::move(options)),
      shard_(shard),
      wheel_(wheel),
      random_(random),
      application_(application),
      graveyard_(wheel),
      self_(std::make_shared<const Server*>(this)) {
    SB_CHECK(shard_ <= kSidShardMax && options_.node.size() == kSidNodeCharacters);
}

Server::~Server() = default;

std::optional<ShardIndex> Server::owner_of(std::string_view query, ShardIndex shard_count) {
    const QueryParameters parameters(query);
    const auto shard = shard_of_sid(sid_of(parameters));
    if (!shard || *shard >= shard_count) return std::nullopt;
    return shard;
}

Session* Server::find(std::string_view sid) {
    const auto found = sessions_.find(sid);
    return found != sessions_.end() && found->second->open() ? found->second.get() : nullptr;
}

std::size_t Server::session_count() const {
    return open_count_;
}

void Server::for_each_open(const std::function<void(SessionImpl&)>& visit) {
    // A close runs handlers, which may close other sessions.
    std::vector<std::string> sids;
    sids.reserve(sessions_.size());
    for (const auto& [sid, session] : sessions_) sids.emplace_back(sid);
    for (const std::string& sid : sids) {
        const auto found = sessions_.find(sid);
        if (found != sessions_.end() && found->second->open()) visit(*found->second);
    }
}

void Server::close_all(CloseReason reason) {
    for_each_open([&](SessionImpl& session) { session.close(reason); });
}

void Server::close_idle(CloseReason reason) {
    for_each_open([&](SessionImpl& session) { session.close_if_idle(reason); });
}

Server::SessionImpl* Server::live_session(std::string_view sid) {
    const auto found = sessions_.find(sid);
    if (found == sessions_.end()) return nullptr;
    SessionImpl* const session = found->second.get();
    session->check_deadline();
    return session->closed() ? nullptr : session;
}

std::optional<Refusal> Server::verify(const HttpRequest& request, const QueryParameters& query,
                                      Carrier carrier) {
    const auto transport = query.find("transport");
    const bool websocket = transport == "websocket" && options_.allow_websocket;
    const bool polling = transport == "polling" && options_.allow_polling;
    if (!websocket && !polling) return Refusal::kUnknownTransport;
    if (has_illegal_characters(request.headers.find("Origin").value_or(""))) {
        return Refusal::kBadRequest;
    }
    if (!sid_of(query).empty()) return verify_session(query, carrier);
    if (request.method != "GET") return Refusal::kBadHandshakeMethod;
    if (websocket != (carrier == Carrier::kUpgrade)) return Refusal::kBadRequest;
    return std::nullopt;
}

std::optional<Refusal> Server::verify_session(const QueryParameters& query, Carrier carrier) {
    const SessionImpl* const session = live_session(sid_of(query));
    if (session == nullptr) return Refusal::kUnknownSid;
    if (protocol_of(query) != session->protocol()) return Refusal::kBadRequest;
    const bool websocket = query.find("transport") == "websocket";
    if (carrier == Carrier::kHttp) {
        if (websocket || session->is_websocket()) return Refusal::kBadRequest;
        return std::nullopt;
    }
    if (!session->open()) return Refusal::kUnknownSid;
    return websocket ? std::nullopt : std::optional(Refusal::kBadRequest);
}

void Server::handle(HttpRequest request, std::unique_ptr<HttpExchange> exchange) {
    const QueryParameters query(request.query);
    if (const auto refusal = verify(request, query, Carrier::kHttp)) {
        return exchange->respond(http_refusal(*refusal));
    }
    if (const auto session = sessions_.find(sid_of(query)); session != sessions_.end()) {
        return session->second->handle_request(request, std::move(exchange));
    }
    auto admission = std::make_unique<Admission>();
    admission->request = std::move(request);
    admission->exchange = std::move(exchange);
    ask_application(std::move(admission));
}

void Server::handle_upgrade(std::unique_ptr<WebSocketUpgrade> upgrade) {
    const QueryParameters query(upgrade->request().query);
    if (const auto refusal = verify(upgrade->request(), query, Carrier::kUpgrade)) {
        return upgrade->refuse(upgrade_refusal(*refusal));
    }
    if (const auto session = sessions_.find(sid_of(query)); session != sessions_.end()) {
        return session->second->handle_upgrade(std::move(upgrade));
    }
    auto admission = std::make_unique<Admission>();
    admission->request = upgrade->request();
    admission->upgrade = std::move(upgrade);
    ask_application(std::move(admission));
}

void Server::ask_application(std::unique_ptr<Admission> admission) {
    const AdmissionId id = ++last_admission_;
    Admission& asked = *admission;
    asked.id = id;
    admissions_.emplace(id, std::move(admission));
    application_.admit(asked.request, [this, id, self = std::weak_ptr(self_)](
                                          std::optional<HttpResponse> refusal) {
        if (!self.expired()) decided(id, std::move(refusal));
    });
    if (asked.state == Admission::State::kDecided) {
        return settle(std::move(admissions_.extract(id).mapped()));
    }
    asked.state = Admission::State::kWaiting;
    if (asked.exchange) asked.exchange->on_abort([this, id] { abandon(id); });
}

void Server::decided(AdmissionId id, std::optional<HttpResponse> refusal) {
    const auto found = admissions_.find(id);
    if (found == admissions_.end()) return;
    Admission& admission = *found->second;
    if (admission.state == Admission::State::kDecided) return;
    // Inside admit() the request is still lent to the application: it is settled after the call.
    const bool inside_the_question = admission.state == Admission::State::kAsking;
    admission.refusal = std::move(refusal);
    admission.state = Admission::State::kDecided;
    if (!inside_the_question) settle(std::move(admissions_.extract(id).mapped()));
}

void Server::abandon(AdmissionId id) {
    const auto found = admissions_.find(id);
    if (found == admissions_.end()) return;
    // The callback that runs now is the exchange's own.
    graveyard_.bury(std::move(found->second->exchange));
    admissions_.erase(found);
}

void Server::settle(std::unique_ptr<Admission> admission) {
    if (admission->exchange) admission->exchange->on_abort({});
    if (admission->refusal) return admission->refuse(std::move(*admission->refusal));
    const auto protocol = protocol_of(QueryParameters(admission->request.query));
    if (!protocol || (protocol == Protocol::kV3 && !options_.allow_eio3)) {
        return admission->refuse(Refusal::kUnsupportedProtocolVersion);
    }
    open_session(*admission, *protocol);
}

void Server::open_session(Admission& admission, Protocol protocol) {
    const Sid sid = make_sid(shard_, options_.node, random_);
    auto owned = std::make_unique<SessionImpl>(*this, sid, protocol, std::move(admission.request));
    SessionImpl& session = *owned;
    SB_CHECK(sessions_.emplace(session.sid(), std::move(owned)).second);
    ++open_count_;
    if (admission.exchange) {
        session.open_on(*admission.exchange);
    } else {
        session.open_on(*admission.upgrade);
    }
    session.attach(application_.open(session));
}

void Server::forget(SessionImpl& session) {
    graveyard_.bury(std::move(sessions_.extract(session.sid()).mapped()));
}

}  // namespace signalbox::engineio
