// A Socket.IO server with the namespaces `/` and `/custom`, which answers as the public protocol
// test suite expects: `auth` on connection, `message-back` to `message`, an ack to
// `message-with-ack`.

#include <iostream>

#include "echo_options.h"
#include "signalbox/socketio.h"

namespace {

namespace io = signalbox::io;

io::Options server_options(const EchoOptions& from) {
    io::Options options;
    options.shards = from.shards;
    options.path = from.path;
    options.ping_interval = from.ping_interval;
    options.ping_timeout = from.ping_timeout;
    options.connect_timeout = from.connect_timeout;
    options.max_payload = from.max_payload;
    options.allow_eio3 = from.allow_eio3;
    options.cors_origins = {"*"};
    if (from.recovery) options.connection_state_recovery.emplace();
    return options;
}

void greet(const io::Socket& socket) {
    socket.emit("auth", io::Args().add_json(socket.handshake().auth));
}

void echo(const io::Socket& socket) {
    greet(socket);
    socket.on("message",
              [socket](const io::Event& event) { socket.emit("message-back", event.args()); });
    socket.on("message-with-ack", [](const io::Event& event) { event.ack(event.args()); });
}

}  // namespace

int main(int argc, char** argv) {
    const EchoOptions options = read_echo_options(argc, argv, "/socket.io");
    block_stop_signals();
    io::Server server(server_options(options));
    server.on_connection(echo);
    server.of("/custom").on_connection(greet);
    const auto port = server.listen(options.port, options.host);
    if (!port) {
        std::cerr << "socketio_echo: " << port.error() << '\n';
        return 2;
    }
    std::cout << "socketio_echo listening on http://" << options.host << ':' << *port << std::endl;
    wait_for_stop_signal();
    server.close();
    return 0;
}
