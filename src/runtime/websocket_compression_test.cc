// permessage-deflate from the handshake to the frames.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "runtime/testing.h"
#include "websocket/deflate.h"
#include "websocket/testing.h"

namespace signalbox::runtime {
namespace {

using engineio::MessageKind;
using testing::Client;
using testing::eventually;
using testing::TestServer;
using websocket::Opcode;
using websocket::testing::client_frame;
using websocket::testing::compressed_frame;

HttpServerOptions compressing() {
    HttpServerOptions options;
    options.websocket_compression = {.threshold = 100};
    return options;
}

std::string upgrade_request(std::string_view extensions) {
    std::string request(testing::kUpgradeRequest);
    request.insert(request.size() - 2, extensions);
    return request;
}

constexpr std::string_view kOffer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
constexpr std::string_view kAnswer =
    "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
    "client_no_context_takeover\r\n";

/// Opens with `extensions` and returns the answer's head.
std::string open(Client& client, std::string_view extensions) {
    client.send(upgrade_request(extensions));
    return client.read_until("\r\n\r\n");
}

std::string deflated(std::string_view message, std::uint8_t window_bits = 15) {
    websocket::MessageDeflater deflater;
    return std::string(deflater.deflate(message, window_bits));
}

std::string inflated(std::string_view bytes) {
    websocket::Inflater inflater;
    std::string out;
    EXPECT_TRUE(inflater.feed(bytes, out, 1 << 24));
    EXPECT_TRUE(inflater.finish(out, 1 << 24));
    return out;
}

/// The payload of a frame of at most 65,535 bytes that begins with `first_byte`.
std::string read_payload(Client& client, unsigned first_byte) {
    std::string head = client.read_exactly(2);
    EXPECT_EQ(static_cast<unsigned char>(head[0]), first_byte);
    std::size_t size = static_cast<unsigned char>(head[1]);
    if (size == 126) {
        head = client.read_exactly(2);
        size = static_cast<unsigned char>(head[0]) * 256U + static_cast<unsigned char>(head[1]);
    }
    return client.read_exactly(size);
}

/// Takes every upgrade of the server and hears their messages. Ends after the shard, which it
/// stops.
class Listener final : public engineio::WebSocketHandler {
public:
    explicit Listener(TestServer& server) : server_(server) {
        server.handler().on_upgrade = [this](std::unique_ptr<engineio::WebSocketUpgrade> upgrade) {
            ports.push_back(upgrade->accept(*this));
        };
    }
    ~Listener() override { server_.stop(); }

    void on_message(MessageKind, std::string_view message) override {
        bytes += message.size();
        ++messages;
    }
    void on_end(engineio::WebSocketEnd) override { ++ends; }

    std::vector<std::unique_ptr<engineio::WebSocketPort>> ports;
    std::atomic<std::size_t> bytes = 0;
    std::atomic<int> messages = 0, ends = 0;

private:
    TestServer& server_;
};

TEST(WebSocketCompression, IsNegotiatedWhereWantedAndOffered) {
    TestServer server(compressing());
    server.start();
    const std::pair<std::string_view, std::string_view> cases[] = {
        {kOffer, kAnswer},
        {"Sec-WebSocket-Extensions: x-other\r\nsec-websocket-extensions: permessage-deflate\r\n",
         kAnswer},
        {"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n",
         "client_no_context_takeover; server_max_window_bits=10\r\n"}};
    for (const auto& [offer, answer] : cases) {
        Client client(server.port());
        EXPECT_NE(open(client, offer).find(answer), std::string::npos) << offer;
    }
    for (const std::string_view declined :
         {"", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8\r\n"}) {
        Client client(server.port());
        const std::string head = open(client, declined);
        EXPECT_TRUE(head.starts_with("HTTP/1.1 101 "));
        EXPECT_EQ(head.find("Extensions"), std::string::npos) << declined;
    }
}

TEST(WebSocketCompression, IsOffByDefault) {
    TestServer server;
    server.start();
    Client client(server.port());
    EXPECT_EQ(open(client, kOffer).find("Extensions"), std::string::npos);
    client.send(compressed_frame(Opcode::kText, deflated(std::string(500, 'x'))));
    EXPECT_EQ(client.read_to_end(), std::string("\x88\x02\x03\xea", 4));
}

TEST(WebSocketCompression, RefusesTheHandshakeForABrokenExtensionList) {
    TestServer server;
    server.start();
    Client client(server.port());
    client.send(upgrade_request("Sec-WebSocket-Extensions: permessage-deflate; =\r\n"));
    EXPECT_EQ(testing::status_of(client.read_to_end()), "400");
}

TEST(WebSocketCompression, EchoesCompressedFromTheThresholdOn) {
    TestServer server(compressing());
    server.start();
    Client client(server.port());
    open(client, kOffer);
    const std::string long_enough(100, 'x'), short_one(99, 'x');
    client.send(compressed_frame(Opcode::kText, deflated(long_enough)));
    EXPECT_EQ(inflated(read_payload(client, 0xC1)), long_enough);
    client.send(compressed_frame(Opcode::kBinary, deflated(long_enough)));
    EXPECT_EQ(inflated(read_payload(client, 0xC2)), long_enough);
    client.send(compressed_frame(Opcode::kText, deflated(short_one)));
    EXPECT_EQ(read_payload(client, 0x81), short_one);
    std::string random(300, '\0');
    SeededRandom(3).fill(std::as_writable_bytes(std::span(random)));
    client.send(client_frame(Opcode::kBinary, random));
    EXPECT_EQ(read_payload(client, 0x82), random) << "what does not get shorter";
}

TEST(WebSocketCompression, DeflatesABroadcastOnceForEachWindow) {
    TestServer server(compressing());
    Listener listener(server);
    server.start();
    Client wide(server.port()), wide_too(server.port()), narrow(server.port()),
        plain(server.port());
    open(wide, kOffer);
    open(wide_too, kOffer);
    open(narrow, "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n");
    open(plain, "");
    std::string message;
    for (int i = 0; i < 200; ++i) message += "item " + std::to_string(i * i) + ", ";
    server.on_shard(0, [&] {
        for (const auto& port : listener.ports) port->send(MessageKind::kText, message);
    });
    const std::string frame = read_payload(wide, 0xC1);
    EXPECT_EQ(inflated(frame), message);
    EXPECT_EQ(read_payload(wide_too, 0xC1), frame);
    EXPECT_EQ(inflated(read_payload(narrow, 0xC1)), message);
    EXPECT_EQ(read_payload(plain, 0x81), message);
    EXPECT_EQ(server.statistics().websocket_messages_deflated.value(), 2);
    server.on_shard(0, [&] { listener.ports.clear(); });
}

TEST(WebSocketCompression, ClosesWhatInflatesToTooMuchOrNotAtAll) {
    const std::pair<std::string, std::string_view> cases[] = {
        {deflated(std::string(1'000'001, 'x')), std::string_view("\x88\x02\x03\xf1", 4)},
        {"\xff\xff", std::string_view("\x88\x02\x03\xef", 4)},
        {"", std::string_view("\x88\x02\x03\xef", 4)}};
    for (const auto& [payload, answer] : cases) {
        TestServer server(compressing());
        server.start();
        Client client(server.port());
        open(client, kOffer);
        client.send(compressed_frame(Opcode::kText, payload));
        EXPECT_EQ(client.read_to_end(), answer);
    }
}

TEST(WebSocketCompression, SpreadsSmallFramesOfLargeMessagesOverTurns) {
    constexpr int kFrames = 30;
    TestServer server(compressing());
    Listener listener(server);
    server.start();
    Client client(server.port());
    open(client, kOffer);
    const std::string message(1'000'000, 'x');
    std::string frames;
    for (int i = 0; i < kFrames; ++i) frames += compressed_frame(Opcode::kText, deflated(message));
    EXPECT_GT(frames.size(), Transport::kReadBytesMax) << "more than one read takes";
    const auto turns = server.statistics().turns.value();
    client.send(frames);
    client.finish_sending();  // nothing that came before it is lost
    EXPECT_TRUE(eventually([&] { return listener.ends == 1; }));
    EXPECT_EQ(listener.messages, kFrames);
    EXPECT_EQ(listener.bytes, kFrames * message.size());
    EXPECT_GE(server.statistics().turns.value() - turns, kFrames / 3);
}

}  // namespace
}  // namespace signalbox::runtime
