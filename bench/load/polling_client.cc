#include "load/polling_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace signalbox::bench {
namespace {

std::size_t content_length(std::string header) {
    std::ranges::transform(header, header.begin(), [](unsigned char c) { return std::tolower(c); });
    constexpr std::string_view kName = "\r\ncontent-length:";
    const std::size_t found = header.find(kName);
    if (found == std::string::npos) fail("a response without Content-Length");
    const std::size_t digits = header.find_first_not_of(' ', found + kName.size());
    std::size_t length = 0;
    std::from_chars(header.data() + digits, header.data() + header.size(), length);
    return length;
}

}  // namespace

HttpConnection::HttpConnection(const Target& target, Done done)
    : target_(target),
      done_(std::move(done)),
      stream_(target.loop, *this, target.options.port, target.tls) {}

void HttpConnection::request(std::string_view target, const std::string* body) {
    busy_ = true;
    stream_.output() += fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n",
                                    body == nullptr ? "GET" : "POST", target, target_.options.port);
    if (body == nullptr) {
        stream_.output() += "\r\n";
    } else {
        stream_.output() +=
            fmt::format("Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {}\r\n\r\n{}",
                        body->size(), *body);
    }
    stream_.flush();
}

void HttpConnection::on_ready(runtime::Readiness) {
    const std::span<char> input = stream_.read();
    response_.append(input.data(), input.size());
    const std::size_t end = response_.find("\r\n\r\n");
    if (end != std::string::npos) {
        if (!response_.starts_with("HTTP/1.1 200")) fail("refused: " + response_.substr(0, 400));
        const std::size_t length = content_length(response_.substr(0, end + 2));
        if (response_.size() >= end + 4 + length) {
            const std::string body = response_.substr(end + 4, length);
            response_.erase(0, end + 4 + length);
            busy_ = false;
            done_(body);
        }
    }
    if (stream_.closed()) fail("the server closed an HTTP connection");
    stream_.flush();
}

PollingClient::PollingClient(const Target& target, std::size_t index, PollingObserver& observer)
    : target_(target),
      index_(index),
      observer_(observer),
      gets_(target, [this](std::string_view body) { on_polled(body); }),
      posts_(target, [this](std::string_view) { post_next(); }) {
    poll();
}

void PollingClient::poll() {
    std::string text = fmt::format("{}?EIO=4&transport=polling&t=b{}&{}", target_.options.path,
                                   index_, handshake_query(target_.options.credentials_of(index_)));
    if (!sid_.empty()) text += "&sid=" + sid_;
    gets_.request(text, nullptr);
}

void PollingClient::send(std::string_view packet) {
    unsent_.emplace_back(packet);
    if (!posts_.busy()) post_next();
}

void PollingClient::post_next() {
    if (unsent_.empty()) return;
    const std::string body = std::move(unsent_.front());
    unsent_.pop_front();
    posts_.request(
        fmt::format("{}?EIO=4&transport=polling&t=b{}&{}&sid={}", target_.options.path, index_,
                    handshake_query(target_.options.credentials_of(index_)), sid_),
        &body);
}

void PollingClient::on_polled(std::string_view body) {
    constexpr char kSeparator = '\x1e';
    const TimePoint time = now();
    while (!body.empty()) {
        const std::size_t end = std::min(body.find(kSeparator), body.size());
        on_packet(body.substr(0, end), time);
        body.remove_prefix(std::min(end + 1, body.size()));
    }
    if (polls_) poll();
}

void PollingClient::on_packet(std::string_view packet, TimePoint time) {
    if (packet == "2") return send("3");
    if (packet.starts_with("44")) fail("CONNECT was refused: " + std::string(packet));
    if (state_ == State::kHandshake) return on_handshake(packet);
    if (state_ == State::kOpen) return observer_.on_packet(*this, packet, time);
    if (!packet.starts_with("40")) return;
    state_ = State::kOpen;
    observer_.on_open(*this);
}

void PollingClient::on_handshake(std::string_view packet) {
    constexpr std::string_view kMember = R"("sid":")";
    const std::size_t begin = packet.find(kMember);
    if (!packet.starts_with('0') || begin == std::string_view::npos) {
        fail("the handshake was answered by " + std::string(packet));
    }
    const std::size_t first = begin + kMember.size();
    sid_ = packet.substr(first, packet.find('"', first) - first);
    state_ = State::kJoining;
    send(connect_packet(target_.options.credentials_of(index_)));
}

void PollingClient::reset_on_close() {
    gets_.reset_on_close();
    posts_.reset_on_close();
}

}  // namespace signalbox::bench
