#include "socketio/server.h"

#include "base/check.h"
#include "socketio/client.h"
#include "socketio/context.h"
#include "socketio/local_namespace.h"

namespace signalbox::socketio {
namespace {

/// Ties a Client to its session. Engine.IO may destroy this when on_close() has returned, even
/// while on_message() is still on the stack: the Client must outlast that.
class SessionLink final : public engineio::SessionHandler {
public:
    SessionLink(Context& context, engineio::Session& session)
        : context_(context), client_(std::make_unique<Client>(context, session)) {
        client_->begin();
    }

    void on_message(engineio::MessageKind kind, std::string_view message) override {
        if (client_) client_->on_message(kind, message);
    }
    void on_slow_consumer() override {
        if (client_) client_->on_slow_consumer();
    }
    [[nodiscard]] bool idle() const override { return client_ && client_->idle(); }
    void on_close(engineio::CloseReason reason) override {
        if (!client_) return;
        client_->on_close(reason);
        context_.retire(std::move(client_));
    }

private:
    Context& context_;
    std::unique_ptr<Client> client_;
};

}  // namespace

std::string_view to_string(DisconnectReason reason) {
    switch (reason) {
        case DisconnectReason::kTransportError:
            return "transport error";
        case DisconnectReason::kTransportClose:
            return "transport close";
        case DisconnectReason::kForcedClose:
            return "forced close";
        case DisconnectReason::kPingTimeout:
            return "ping timeout";
        case DisconnectReason::kParseError:
            return "parse error";
        case DisconnectReason::kServerShutdown:
            return "server shutting down";
        case DisconnectReason::kForcedServerClose:
            return "forced server close";
        case DisconnectReason::kClientNamespaceDisconnect:
            return "client namespace disconnect";
        case DisconnectReason::kServerNamespaceDisconnect:
            return "server namespace disconnect";
        case DisconnectReason::kPayloadTooLarge:
            return "payload too large";
        case DisconnectReason::kSlowConsumer:
            return "slow consumer";
    }
    return "transport close";
}

EncodedEvent::EncodedEvent(std::string_view namespace_name, std::string_view event,
                           std::string_view args, std::vector<std::string> attachments)
    : attachments_(std::move(attachments)) {
    SB_CHECK(!is_reserved_event(event));
    append_event(packet_, {namespace_name, {}, attachments_.size()}, event, args);
    ends_in_text_ = leaves_text(args);
}

EncodedEvent::EncodedEvent(std::string_view namespace_name, const RecoverableEvent& event)
    : attachments_(event.attachments.begin(), event.attachments.end()) {
    SB_CHECK(!is_reserved_event(event.name));
    append_event(packet_, {namespace_name, {}, attachments_.size()}, event.name, event.args);
    append_offset(packet_, event.offset);
}

EncodedEvent EncodedEvent::with_ack(std::string_view namespace_name, std::uint64_t ack_id,
                                    std::string_view event, std::string_view args,
                                    std::vector<std::string> attachments) {
    SB_CHECK(!is_reserved_event(event));
    EncodedEvent encoded;
    encoded.attachments_ = std::move(attachments);
    encoded.ack_id_ = ack_id;
    append_event(encoded.packet_, {namespace_name, ack_id, encoded.attachments_.size()}, event,
                 args);
    return encoded;
}

Server::Server(Options options, TimerWheel& wheel, Random& random, Admission admission)
    : context_(std::make_unique<Context>(options, wheel, random)),
      admission_(std::move(admission)) {}

Server::~Server() = default;

Namespace& Server::add_namespace(std::vector<std::string> names, NamespaceHandler& handler) {
    return context_->add_namespace(names, handler);
}

void Server::on_unknown_namespace(UnknownNamespace ask) {
    context_->on_unknown_namespace(std::move(ask));
}

void Server::admit(const HttpRequest& request, Decision decide) {
    if (!admission_) return decide(std::nullopt);
    admission_(request, std::move(decide));
}

std::unique_ptr<engineio::SessionHandler> Server::open(engineio::Session& session) {
    return std::make_unique<SessionLink>(*context_, session);
}

}  // namespace signalbox::socketio
