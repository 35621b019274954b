#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "socketio/packet.h"
#include "socketio/server.h"
#include "socketio/testing.h"

namespace signalbox::socketio::testing {

using Lines = std::vector<std::string>;

/// Accepts everybody at once unless told otherwise, and writes down what it hears.
class Recorder : public NamespaceHandler {
public:
    void on_connect(Socket& socket, std::string_view auth) override {
        log.push_back("connect " + std::string(socket.namespace_name()) + " " + std::string(auth));
        id = socket.id();
        if (connect) return connect(socket);
        socket.accept();
    }
    void on_event(Socket& socket, const Event& event) override {
        std::string line = "event " + std::string(event.name) + "(" + std::string(event.args) +
                           ")" + std::to_string(event.arg_count);
        if (event.ack) line += " ack " + std::to_string(*event.ack);
        if (event.fault) line += " fault: " + std::string(to_string(*event.fault));
        for (const std::string& attachment : event.attachments) line += " +" + attachment;
        log.push_back(line);
        if (react) react(socket, event);
    }
    void on_disconnecting(Socket& socket, DisconnectReason reason) override {
        if (disconnecting) disconnecting(socket, reason);
    }
    void on_disconnect(Socket& socket, DisconnectReason reason) override {
        if (socket.connected()) log.push_back("still connected");
        if (!socket.session().handshake().headers.find("host")) log.push_back("no handshake");
        log.push_back("disconnect " + std::string(to_string(reason)));
        if (disconnected) disconnected(socket);
    }
    void on_slow_consumer(Socket& socket) override {
        log.push_back("slow");
        socket.emit("last", "\"word\"");
    }
    Lines take() { return std::exchange(log, {}); }

    Lines log;
    std::string id;  // of the last that asked to connect
    std::function<void(Socket&)> connect;
    std::function<void(Socket&, const Event&)> react;
    std::function<void(Socket&, DisconnectReason)> disconnecting;
    std::function<void(Socket&)> disconnected;
};

/// A server with the namespaces `/` (also `/realtime`), `/custom` and `/quiet`, which decides
/// nothing.
struct ServerFixture {
    ServerFixture() {
        quiet_.connect = [](Socket&) {};
    }

    /// A client in `/`.
    std::unique_ptr<FakeSession> joined() {
        auto session = std::make_unique<FakeSession>(server_);
        session->text("0");
        session->take_sent();
        main_.take();
        return session;
    }
    Socket& last_socket() { return *main_ns_.find(main_.id); }
    void advance(Milliseconds by) { wheel_.advance(wheel_.now() + by); }

    TimerWheel wheel_{MonotonicTime(std::chrono::hours(1))};
    SeededRandom random_{1};
    Recorder main_, custom_, quiet_;
    Server server_{
        {.connect_timeout = Milliseconds(1000), .connects_max = 20, .unanswered_acks_max = 3},
        wheel_,
        random_};
    Namespace& main_ns_ = server_.add_namespace({"/", "/realtime"}, main_);
    Namespace& custom_ns_ = server_.add_namespace({"/custom"}, custom_);
    Namespace& quiet_ns_ = server_.add_namespace({"/quiet"}, quiet_);
};

}  // namespace signalbox::socketio::testing
