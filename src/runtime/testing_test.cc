#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <future>
#include <thread>

#include "base/check.h"
#include "runtime/testing.h"

namespace signalbox::runtime::testing {

Client::Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    const int on = 1;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SB_CHECK(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

void Client::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return;  // the server may have closed; what it said is still to be read
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

void Client::send_bytewise(std::string_view bytes) {
    for (const char& byte : bytes) send({&byte, 1});
}

bool Client::fill() {
    char chunk[65536];
    const ssize_t n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
    if (n > 0) buffer_.append(chunk, static_cast<std::size_t>(n));
    return n > 0;
}

std::string Client::read_some(std::size_t n) {
    while (buffer_.size() < n && fill()) {
    }
    return std::exchange(buffer_, {});
}

std::string Client::read_exactly(std::size_t n) {
    while (buffer_.size() < n && fill()) {
    }
    std::string out = buffer_.substr(0, n);
    buffer_.erase(0, out.size());
    return out;
}

std::string Client::read_until(std::string_view end) {
    std::size_t at = std::string::npos;
    while ((at = buffer_.find(end)) == std::string::npos && fill()) {
    }
    const std::size_t n = at == std::string::npos ? buffer_.size() : at + end.size();
    std::string out = buffer_.substr(0, n);
    buffer_.erase(0, n);
    return out;
}

std::string Client::read_response() {
    std::string response = read_until("\r\n\r\n");
    const auto length = response.find("Content-Length: ");
    if (length == std::string::npos) return response;
    return response + read_exactly(std::stoul(response.substr(length + 16)));
}

std::string Client::read_to_end() {
    while (fill()) {
    }
    return std::exchange(buffer_, {});
}

void Client::finish_sending() {
    ::shutdown(fd_.get(), SHUT_WR);
}

void Client::reset() {
    const linger hard{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    fd_.reset();
}

void Echo::accept(engineio::WebSocketUpgrade& upgrade) {
    auto* echo = new Echo;
    echo->port_ = upgrade.accept(*echo);
}

void Echo::on_message(engineio::MessageKind kind, std::string_view message) {
    port_->send(kind, message);
}

TestServer::TestServer(HttpServerOptions options, ShardGroupOptions shards)
    : shards_(shards), server_(std::make_unique<HttpServer>(shards_, std::move(options))) {
    for (ShardIndex i = 0; i < shards_.size(); ++i) {
        handlers_.push_back(std::make_unique<FunctionHandler>());
        handlers_.back()->on_request = [](HttpRequest request, std::unique_ptr<HttpExchange> to) {
            to->respond(HttpResponse::of(
                200, "text/plain", request.method + ' ' + request.target + ' ' + request.body));
        };
        handlers_.back()->on_upgrade = [](std::unique_ptr<engineio::WebSocketUpgrade> upgrade) {
            Echo::accept(*upgrade);
        };
    }
}

TestServer::~TestServer() {
    shards_.stop();
    // As the server demands: what the handlers hold ends before it.
    handlers_.clear();
    server_.reset();
}

void TestServer::start(std::shared_ptr<TlsContext> tls) {
    for (ShardIndex i = 0; i < shards_.size(); ++i) {
        server_->set_handlers(
            i, {.http = handlers_[i].get(), .upgrades = handlers_[i].get(), .owner_of = router_});
    }
    shards_.start();
    port_ = listen({.port = 0, .tls = std::move(tls)});
}

std::uint16_t TestServer::listen(ListenOptions options) {
    const auto port = server_->listen(std::move(options));
    SB_CHECK(port.has_value());
    return *port;
}

void TestServer::on_shard(ShardIndex shard, std::function<void()> task) {
    std::promise<void> done;
    shards_.post(shard, [&] {
        task();
        done.set_value();
    });
    done.get_future().wait();
}

Standstill::Standstill(TestServer& server, ShardIndex shard) {
    std::promise<void> begun;
    server.shards().post(shard, [&begun, over = over_.get_future().share()] {
        begun.set_value();
        over.wait();
    });
    begun.get_future().wait();
}

bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + Client::kPatience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

std::string status_of(std::string_view response) {
    return std::string(response.substr(std::min<std::size_t>(9, response.size()), 3));
}

std::string body_of(std::string_view response) {
    const auto end = response.find("\r\n\r\n");
    return end == std::string_view::npos ? std::string() : std::string(response.substr(end + 4));
}

std::string client_frame(std::uint8_t opcode, std::string_view payload, Fin fin) {
    constexpr char kMask[] = {0x11, 0x22, 0x33, 0x44};
    std::string frame;
    frame += static_cast<char>(opcode | (fin == Fin::kYes ? 0x80 : 0));
    if (payload.size() < 126) {
        frame += static_cast<char>(0x80 | payload.size());
    } else if (payload.size() < 65536) {
        frame += static_cast<char>(0x80 | 126);
        for (int shift = 8; shift >= 0; shift -= 8) {
            frame += static_cast<char>(payload.size() >> shift);
        }
    } else {
        frame += static_cast<char>(0x80 | 127);
        for (int shift = 56; shift >= 0; shift -= 8) {
            frame += static_cast<char>(payload.size() >> shift);
        }
    }
    frame.append(kMask, 4);
    for (std::size_t i = 0; i < payload.size(); ++i) {
        frame += static_cast<char>(payload[i] ^ kMask[i % 4]);
    }
    return frame;
}

}  // namespace signalbox::runtime::testing
