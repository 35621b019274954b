// A Socket.IO server that does what its clients ask, so that tests can use all of the public API
// from outside: tests/integration/library.test.mjs. Arguments: the number of shards, and
// `recovery`.

#include <cstdlib>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "echo_options.h"
#include "signalbox/socketio.h"

namespace {

namespace io = signalbox::io;
using std::chrono::milliseconds;

std::string text(const io::Event& event, std::size_t index = 0) {
    return event.args().string_at(index).value();
}

io::Args strings(const std::vector<std::string>& values) {
    io::Args args;
    for (const std::string& value : values) args.add_string(value);
    return args;
}

std::string describe(const std::expected<io::Args, io::AckError>& outcome) {
    if (outcome) return outcome->json();
    switch (outcome.error()) {
        case io::AckError::kTimeout:
            return "timeout";
        case io::AckError::kDisconnected:
            return "disconnected";
        case io::AckError::kInvalid:
            return "invalid";
    }
    return "";
}

void report(const io::Event& event, const io::Responses& responses) {
    std::string all;
    for (const io::Args& answer : responses.answers) all += answer.json() + ';';
    event.ack(strings({all, std::to_string(responses.expected)}));
}

/// For ever, undecided.
void keep(const io::Next& next) {
    static std::mutex mutex;
    static std::vector<io::Next> kept;
    const std::lock_guard lock(mutex);
    kept.push_back(next);
}

/// All that one namespace offers.
class Features {
public:
    explicit Features(io::Namespace ns) : namespace_(std::move(ns)) {
        namespace_.on_connection([this](const io::Socket& socket) { serve(socket); });
        namespace_.on_server_side(
            "gossip", [this](const io::Args& args) { namespace_.emit("gossip-heard", args); });
    }

private:
    void serve(const io::Socket& socket) {
        rooms(socket);
        emits(socket);
        acks(socket);
        endings(socket);
        inquiries(socket);
        judged(socket);
    }

    void rooms(const io::Socket& socket) {
        socket.on("join", [socket](const io::Event& event) {
            socket.join(text(event));
            event.ack(strings(socket.rooms()));
        });
        socket.on("leave", [socket](const io::Event& event) {
            socket.leave(text(event));
            event.ack(strings(socket.rooms()));
        });
        socket.on("sockets-join", [this](const io::Event& event) {
            namespace_.in(text(event)).sockets_join(text(event, 1));
            event.ack();
        });
        socket.on("sockets-leave", [this](const io::Event& event) {
            namespace_.in(text(event)).sockets_leave(text(event, 1));
            event.ack();
        });
    }

    void emits(const io::Socket& socket) {
        socket.on("to-room", [socket](const io::Event& event) {
            socket.to(text(event)).emit("news", strings({"to-room"}));
        });
        socket.on("in-rooms", [this](const io::Event& event) {
            namespace_.in(text(event)).to(text(event, 1)).emit("news", strings({"in-rooms"}));
        });
        socket.on("except-room", [this](const io::Event& event) {
            namespace_.except(text(event)).emit("news", strings({"except-room"}));
        });
        socket.on("broadcast", [socket](const io::Event& event) {
            socket.broadcast().emit("news", event.args());
        });
        socket.on("to-all",
                  [this](const io::Event& event) { namespace_.emit("news", event.args()); });
        socket.on("to-me", [socket](const io::Event& event) { socket.emit("mine", event.args()); });
        socket.on("volatile",
                  [socket](const io::Event& event) { socket.emit_volatile("news", event.args()); });
        socket.on("from-thread", [this, socket](const io::Event& event) {
            std::thread([this, socket, event] {
                for (int i = 0; i < 20; ++i)
                    namespace_.to(socket.id()).emit("count", io::Args(std::to_string(i)));
                event.ack(strings({"counted"}));
            }).detach();
        });
        socket.on("gossip", [this](const io::Event& event) {
            namespace_.server_side_emit("gossip", event.args());
        });
    }

    void acks(const io::Socket& socket) {
        socket.on("ask-me", [socket](const io::Event& event) {
            socket.emit_with_ack(
                "question", event.args(), milliseconds(200),
                [event](auto outcome) { event.ack(strings({describe(outcome)})); });
        });
        socket.on("ask-me-for-ever", [this, socket](const io::Event& event) {
            socket.emit_with_ack("question", event.args(), [this](auto outcome) {
                namespace_.emit("outcome", strings({describe(outcome)}));
            });
        });
        socket.on("ask-room", [this](const io::Event& event) {
            namespace_.in(text(event))
                .emit_with_ack("question", "1", milliseconds(300),
                               [event](io::Responses responses) { report(event, responses); });
        });
    }

    void endings(const io::Socket& socket) {
        socket.on("kick-me", [socket](const io::Event& event) {
            socket.disconnect(text(event) == "transport" ? io::Ending::kTransport
                                                         : io::Ending::kNamespace);
        });
        socket.on("kick-room", [this](const io::Event& event) {
            namespace_.in(text(event)).disconnect_sockets(io::Ending::kTransport);
        });
        socket.on("throw", [](const io::Event&) { throw std::runtime_error("of a handler"); });
        socket.on_disconnecting([socket](std::string_view) {
            for (const std::string& room : socket.rooms())
                socket.to(room).emit("leaving", strings({room}));
        });
        socket.on_disconnect([this, socket](std::string_view reason) {
            namespace_.emit("left", strings({socket.id(), std::string(reason)}));
        });
    }

    /// Events that a middleware decides about, some of them later.
    void judged(const io::Socket& socket) {
        socket.on("judge", [this, socket](const io::Event& event) {
            judge(socket);
            event.ack();
        });
    }
    void judge(const io::Socket& socket) {
        socket.use([](const io::Event& event, const io::Next& next) {
            if (event.name() == "keep") keep(next);
            if (event.name() == "keep" || event.name() == "never") return;
            if (event.name() == "unlawful") return next({"unlawful", R"({"code":451})"});
            if (event.name() == "monstrous") throw std::runtime_error("of an event's middleware");
            if (event.name() != "slow") return next();
            std::thread([next] { next(); }).detach();
        });
        socket.use([socket](const io::Event& event, const io::Next& next) {
            if (event.name() == "slow") socket.emit("second", event.args());
            next();
            next({"too late"});
        });
        socket.on("slow", [](const io::Event& event) { event.ack(event.args()); });
        for (const char* name : {"unlawful", "monstrous", "never"})
            socket.on(name, [socket](const io::Event&) { socket.emit("heard"); });
        socket.on("listen-for-errors", [socket](const io::Event& event) {
            socket.on_error([socket](const io::Event& of, const io::Refusal& refusal) {
                socket.emit("refused", strings({of.name(), refusal.message, refusal.data}));
            });
            event.ack();
        });
    }

    void inquiries(const io::Socket& socket) {
        socket.on("who", [this](const io::Event& event) {
            namespace_.in(text(event)).fetch_sockets([event](std::vector<io::FetchedSocket> all) {
                std::vector<std::string> lines;
                for (const io::FetchedSocket& one : all) {
                    const auto* name = std::any_cast<std::string>(&one.data);
                    lines.push_back(one.socket.id() + " " + std::to_string(one.rooms.size()) + " " +
                                    (name == nullptr ? "" : *name));
                }
                event.ack(strings(lines));
            });
        });
        socket.on("name", [socket](const io::Event& event) {
            socket.data() = text(event);
            event.ack();
        });
        socket.on("state", [socket](const io::Event& event) {
            const auto* name = std::any_cast<std::string>(&socket.data());
            event.ack(
                strings({socket.id(), socket.recovered() ? "recovered" : "new",
                         name == nullptr ? "" : *name, std::to_string(socket.rooms().size())}));
        });
        socket.on("handshake", [socket](const io::Event& event) {
            const io::Handshake& handshake = socket.handshake();
            event.ack(io::Args(handshake.auth)
                          .add_string(handshake.query_value("color").value_or("none"))
                          .add_string(handshake.header("x-test").value_or("none"))
                          .add_string(handshake.address));
        });
        socket.on_any([socket](const io::Event& event) {
            if (event.name() == "unknown") socket.emit("any", strings({event.name()}));
        });
        socket.on("once", [socket](const io::Event& event) {
            socket.off("once");
            event.ack(strings({"once"}));
        });
    }

    io::Namespace namespace_;
};

/// Lets in who names a user; decides on another thread.
void guard(io::Namespace ns) {
    ns.use([](const io::Socket& socket, const io::Next& next) {
        std::thread([socket, next] {
            if (socket.handshake().auth.find("\"user\"") != std::string::npos) return next();
            next({"not you", R"({"code":401})"});
        }).detach();
    });
    ns.use([](const io::Socket& socket, const io::Next& next) {
        socket.data() = std::string("guarded");
        next();
        next({"too late"});
    });
    ns.use([](const io::Socket& socket, const io::Next& next) {
        if (socket.handshake().auth.find("\"thrower\"") != std::string::npos)
            throw std::runtime_error("of a middleware");
        next();
    });
}

/// Namespaces `/room-…`, opened by who says so in auth.
void offer_rooms(io::Server& server) {
    io::ParentNamespace rooms = server.of([](std::string_view name, std::string_view auth) {
        if (name == "/room-broken") throw std::runtime_error("of a predicate");
        return name.starts_with("/room-") && auth.find("\"opener\"") != std::string_view::npos;
    });
    rooms.use([](const io::Socket& socket, const io::Next& next) {
        if (socket.handshake().auth.find("\"banned\"") != std::string::npos)
            return next({"banned"});
        next();
    });
    rooms.on_connection([rooms](const io::Socket& socket) {
        socket.emit("welcome", strings({socket.namespace_name()}));
        socket.on("to-nsp",
                  [socket](const io::Event& event) { socket.nsp().emit("news", event.args()); });
        socket.on("to-all-rooms",
                  [rooms](const io::Event& event) { rooms.emit("news", event.args()); });
        socket.on("rooms", [rooms](const io::Event& event) {
            std::vector<std::string> names;
            for (const io::Namespace& room : rooms.children()) names.push_back(room.name());
            event.ack(strings(names));
        });
    });
}

/// The bounds that a test wants to reach stand in the environment.
io::ConnectionStateRecovery recovery_options() {
    io::ConnectionStateRecovery options;
    if (const char* sessions = std::getenv("RECOVERY_SESSIONS_MAX"))
        options.sessions_max = static_cast<std::size_t>(std::atoi(sessions));
    if (const char* duration = std::getenv("RECOVERY_DURATION_MS"))
        options.max_disconnection_duration = milliseconds(std::atoi(duration));
    if (const char* bytes = std::getenv("RECOVERY_LOG_BYTES_MAX"))
        options.log_bytes_max = static_cast<std::size_t>(std::atoi(bytes));
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    const EchoOptions given = read_echo_options(argc, argv, "/socket.io");
    block_stop_signals();
    io::Options options;
    options.shards = given.shards;
    if (given.recovery) options.connection_state_recovery = recovery_options();
    options.per_message_deflate.emplace();
    options.cookie = io::Cookie{.name = "node", .same_site = io::SameSite::kStrict};
    options.http_compression = io::HttpCompression{.threshold = 500};
    options.dynamic_namespaces_max = 20;
    io::Server server(options);
    Features main_features(server);
    Features guarded_features(server.of("/guarded"));
    guard(server.of("/guarded"));
    offer_rooms(server);
    const auto port = server.listen(given.port);
    if (!port) return 2;
    std::cout << "listening on http://127.0.0.1:" << *port << std::endl;
    wait_for_stop_signal();
    server.close();
    return 0;
}
