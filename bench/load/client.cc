#include "load/client.h"

#include <fmt/format.h>

namespace signalbox::bench {

using websocket::Opcode;

std::string handshake_query(const Credentials& credentials) {
    return fmt::format("sessionId={}&artifactId=artifact-1", credentials.session);
}

std::string connect_packet(const Credentials& credentials) {
    return fmt::format(R"(40{{"token":"{}"}})", credentials.token);
}

Client::Client(const Target& target, std::size_t index, ClientObserver& observer)
    : Client(target, index, observer, {}) {}

Client::Client(const Target& target, std::size_t index, ClientObserver& observer,
               std::string_view sid)
    : target_(target),
      index_(index),
      observer_(observer),
      stream_(target.loop, *this, target.options.port, target.tls),
      probes_(!sid.empty()) {
    write_upgrade_request(sid);
    stream_.flush();
}

std::string Client::query(std::string_view sid) const {
    const Credentials& who = target_.options.credentials_of(index_);
    switch (target_.options.dialect) {
        case Dialect::kFloor:
            return "room=" + who.company;
        case Dialect::kWebsocket:
            return handshake_query(who) + "&token=" + who.token;
        case Dialect::kSocketio:
            break;
    }
    std::string text = "EIO=4&transport=websocket&" + handshake_query(who);
    if (!sid.empty()) text.append("&sid=").append(sid);
    return text;
}

void Client::write_upgrade_request(std::string_view sid) {
    stream_.output() += fmt::format(
        "GET {}?{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        target_.options.path, query(sid), target_.options.port);
    if (target_.deflate != nullptr) {
        stream_.output() += fmt::format("Sec-WebSocket-Extensions: {}\r\n", Deflate::kOffer);
    }
    stream_.output() += "\r\n";
}

void Client::on_ready(runtime::Readiness) {
    std::span<char> input = stream_.read();
    if (state_ == State::kUpgrading && !input.empty()) input = read_upgrade_response(input);
    if (!input.empty()) on_frames(input);
    if (stream_.closed()) fail(fmt::format("the server closed connection {}", index_));
    stream_.flush();
}

std::span<char> Client::read_upgrade_response(std::span<char> input) {
    const std::size_t before = response_.size();
    response_.append(input.data(), input.size());
    const std::size_t end = response_.find("\r\n\r\n");
    if (end == std::string::npos) return {};
    if (!response_.starts_with("HTTP/1.1 101")) fail("no upgrade: " + response_.substr(0, 300));
    const bool deflates = response_.find("erver_no_context_takeover") != std::string::npos;
    if (target_.deflate != nullptr && !deflates) fail("permessage-deflate was declined");
    std::string().swap(response_);
    on_upgraded();
    return input.subspan(end + 4 - before);
}

void Client::on_upgraded() {
    if (target_.options.dialect != Dialect::kSocketio) return open();
    state_ = probes_ ? State::kProbing : State::kJoining;
    if (probes_) send("2probe");
}

void Client::on_frames(std::span<char> input) {
    const TimePoint time = now();
    frames_.begin(input);
    while (const auto frame = frames_.next()) on_frame(*frame, time);
    frames_.end();
}

void Client::on_frame(const ServerFrame& frame, TimePoint time) {
    const auto bits = static_cast<unsigned>(frame.opcode);
    switch (static_cast<Opcode>(bits & ~kCompressedBit)) {
        case Opcode::kText:
        case Opcode::kBinary:
            if ((bits & kCompressedBit) == 0) return on_text(frame.payload, time);
            if (target_.deflate == nullptr) fail("an unexpected compressed message");
            return on_text(target_.deflate->inflate(frame.payload), time);
        case Opcode::kPing:
            return append_client_frame(stream_.output(), Opcode::kPong, frame.payload);
        case Opcode::kPong:
            return;
        default:
            fail("the server closes: " + std::string(frame.payload));
    }
}

void Client::on_text(std::string_view message, TimePoint time) {
    if (state_ == State::kOpen && message == "2") return send("3");
    if (state_ == State::kOpen) return observer_.on_message(*this, message, time);
    join(message);
}

void Client::join(std::string_view message) {
    if (state_ == State::kProbing) {
        if (message != "3probe") fail("the probe was answered by " + std::string(message));
        return open();
    }
    if (message.starts_with('0')) {
        return send(connect_packet(target_.options.credentials_of(index_)));
    }
    if (message.starts_with("44")) fail("CONNECT was refused: " + std::string(message));
    if (message.starts_with("40")) open();
}

void Client::open() {
    state_ = State::kOpen;
    observer_.on_open(*this);
}

void Client::send(std::string_view message) {
    constexpr std::size_t kCompressedFrom = 1024;
    if (target_.deflate != nullptr && message.size() >= kCompressedFrom) {
        return target_.deflate->append_client_frame(stream_.output(), message);
    }
    append_client_frame(stream_.output(), Opcode::kText, message);
}

}  // namespace signalbox::bench
