#include <iostream>

#include "signalbox/socketio.h"

using namespace signalbox;

int main() {
    io::Server server({.cors_origins = {"*"}});
    server.on_connection([](io::Socket socket) {
        socket.on("join", [socket](const io::Event& event) {
            const std::string room = event.args().string_at(0).value_or("lobby");
            socket.join(room);
            event.ack(io::Args().add_string(room));
            socket.to(room).emit("news", io::Args().add_string(socket.id() + " is here"));
        });
        socket.on("say", [socket](const io::Event& event) {
            for (const std::string& room : socket.rooms())
                if (room != socket.id()) socket.to(room).emit("said", event.args());
        });
    });
    if (auto port = server.listen(3000); !port) return std::cerr << port.error() << '\n', 1;
    std::cin.get();  // serves until Enter is pressed
}
