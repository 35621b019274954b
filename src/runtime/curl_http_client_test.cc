#include "runtime/curl_http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/certificate_for_tests.h"
#include "runtime/testing.h"
#include "runtime/tls_context.h"

namespace signalbox::runtime {
namespace {

using testing::Certificate;
using testing::eventually;
using testing::TestServer;
using enum HttpClientFault;
using Outcome = std::expected<HttpResponse, HttpClientFailure>;

/// Runs tasks on the thread of the test, when it says so.
class QueueExecutor final : public Executor {
public:
    void post(Task task) override {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
        changed_.notify_all();
    }
    void run_until(const std::function<bool()>& condition) {
        const auto end = std::chrono::steady_clock::now() + testing::Client::kPatience;
        while (!condition() && std::chrono::steady_clock::now() < end) run_one(end);
        EXPECT_TRUE(condition());
    }
    [[nodiscard]] std::size_t size() {
        const std::lock_guard lock(mutex_);
        return tasks_.size();
    }
    void run_all() {
        while (size() > 0) run_one(std::chrono::steady_clock::now());
    }

private:
    void run_one(std::chrono::steady_clock::time_point end) {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_until(lock, end, [this] { return !tasks_.empty(); })) return;
        Task task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        task();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Task> tasks_;
};

/// A port that plays one script: for each request the bytes to send, "" to close at once. One that
/// vanishes takes no connections any more.
class ScriptedServer {
public:
    enum class Then : std::uint8_t { kKeep, kClose, kVanish };
    struct Line {
        std::string bytes;
        Then then = Then::kKeep;
    };

    explicit ScriptedServer(std::vector<Line> script) : script_(std::move(script)) {
        listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size);
        ::listen(listener_.get(), 8);
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { play(); });
    }
    ~ScriptedServer() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }

    [[nodiscard]] std::string url() const {
        return "http://127.0.0.1:" + std::to_string(port_) + "/";
    }
    [[nodiscard]] std::size_t requests() const { return requests_; }

private:
    void play() {
        std::size_t next = 0;
        while (next < script_.size()) {
            const UniqueFd peer(::accept(listener_.get(), nullptr, nullptr));
            if (peer.get() < 0) return;
            bool open = true;
            while (open && next < script_.size() && read_request(peer.get())) {
                ++requests_;
                const Line& line = script_[next++];
                ::send(peer.get(), line.bytes.data(), line.bytes.size(), MSG_NOSIGNAL);
                if (line.then == Then::kVanish) ::shutdown(listener_.get(), SHUT_RDWR);
                open = line.then == Then::kKeep;
            }
        }
    }
    static bool read_request(int fd) {
        std::string request;
        char byte = 0;
        while (!request.ends_with("\r\n\r\n")) {
            if (::recv(fd, &byte, 1, 0) != 1) return false;
            request += byte;
        }
        return true;
    }

    std::vector<Line> script_;
    UniqueFd listener_;
    std::uint16_t port_ = 0;
    std::atomic<std::size_t> requests_{0};
    std::thread thread_;
};

class CurlHttpClientTest : public ::testing::Test {
protected:
    /// Keeps each exchange that the handler does not answer.
    CurlHttpClientTest() {
        server_.handler().on_request = [this](HttpRequest request, auto exchange) {
            if (request.path == "/never") {
                exchange->on_abort([this] { ++aborted_; });
                held_.push_back(std::move(exchange));
                ++held_count_;
                return;
            }
            if (request.path == "/bytes") {
                return exchange->respond(HttpResponse::of(
                    200, "text/plain", std::string(std::stoul(request.query), 'b')));
            }
            if (request.path == "/stream") return stream(std::move(exchange));
            std::string all = request.method + ' ' + request.target + '\n';
            for (const auto& [name, value] : request.headers) all += name + ": " + value + '\n';
            auto response = HttpResponse::of(request.path == "/moved" ? 302 : 200, "text/plain",
                                             all + request.body);
            if (request.path == "/moved") response.headers.add("Location", "/elsewhere");
            exchange->respond(std::move(response));
        };
    }
    ~CurlHttpClientTest() override {
        if (client_) client_->stop();
        if (started_) server_.on_shard(0, [this] { held_.clear(); });
    }

    static void stream(std::unique_ptr<HttpExchange> exchange) {
        exchange->start_stream(HttpResponse::of(200, "application/x-ndjson", "{\"a\":1}\n"));
        exchange->write("{\"b\":2}\n");
        exchange->finish();
    }

    CurlHttpClient& client(HttpClientOptions options = {}) {
        if (!client_) client_.emplace(std::move(options));
        return *client_;
    }
    std::string url(const std::string& path, const std::string& scheme = "http://127.0.0.1:") {
        if (!std::exchange(started_, true)) server_.start();
        return scheme + std::to_string(server_.port()) + path;
    }
    Outcome fetch(HttpClientRequest request) {
        std::optional<Outcome> outcome;
        const HttpCall call = client().fetch(std::move(request), executor_,
                                             [&](Outcome got) { outcome.emplace(std::move(got)); });
        executor_.run_until([&] { return outcome.has_value(); });
        return std::move(*outcome);
    }
    HttpClientFault fault_of(HttpClientRequest request) {
        const Outcome outcome = fetch(std::move(request));
        EXPECT_FALSE(outcome.has_value());
        return outcome ? kStopped : outcome.error().fault;
    }

    TestServer server_;
    QueueExecutor executor_;
    std::vector<std::unique_ptr<HttpExchange>> held_;
    std::atomic<int> held_count_ = 0, aborted_ = 0;
    std::optional<CurlHttpClient> client_;
    bool started_ = false;
};

TEST_F(CurlHttpClientTest, SendsMethodHeadersAndBodyAndGivesTheAnswer) {
    HttpHeaders headers;
    headers.add("Content-Type", "application/json");
    headers.add("X-Empty", "");
    const Outcome got =
        fetch({.method = "POST", .url = url("/a?b=c"), .headers = headers, .body = R"({"x":1})"});
    ASSERT_TRUE(got.has_value()) << got.error().reason;
    EXPECT_EQ(got->status, 200);
    EXPECT_EQ(got->headers.find("content-type"), "text/plain");
    EXPECT_TRUE(got->body.starts_with("POST /a?b=c\n")) << got->body;
    EXPECT_TRUE(got->body.contains("Content-Type: application/json\n")) << got->body;
    EXPECT_TRUE(got->body.contains("X-Empty: \n")) << got->body;
    EXPECT_FALSE(got->body.contains("Expect")) << got->body;
    EXPECT_TRUE(got->body.ends_with(R"({"x":1})")) << got->body;
}

TEST_F(CurlHttpClientTest, SendsOtherMethodsWithAndWithoutABody) {
    EXPECT_TRUE(fetch({.method = "DELETE", .url = url("/x")})->body.starts_with("DELETE /x\n"));
    const Outcome put = fetch({.method = "PUT", .url = url("/x"), .body = "now"});
    EXPECT_TRUE(put->body.starts_with("PUT /x\n") && put->body.ends_with("now")) << put->body;
    EXPECT_FALSE(put->body.contains("urlencoded")) << put->body;
    const Outcome head = fetch({.method = "HEAD", .url = url("/x")});
    ASSERT_TRUE(head.has_value());
    EXPECT_EQ(head->body, "");
}

TEST_F(CurlHttpClientTest, KeepsConnectionsForLaterRequests) {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(fetch({.url = url("/a")}).has_value());
    EXPECT_EQ(server_.statistics().accepted.value(), 1);
}

TEST_F(CurlHttpClientTest, GivesRedirectsAsAnswersAndFollowsNone) {
    const Outcome got = fetch({.url = url("/moved")});
    EXPECT_EQ(got->status, 302);
    EXPECT_EQ(got->headers.find("Location"), "/elsewhere");
    EXPECT_EQ(server_.statistics().http_requests.value(), 1);
}

TEST_F(CurlHttpClientTest, RefusesBodiesOverTheLimit) {
    const auto bytes = [&](std::string n) {
        return HttpClientRequest{.url = url("/bytes?" + n), .response_bytes_max = 1000};
    };
    EXPECT_EQ(fetch(bytes("999"))->body.size(), 999U);
    EXPECT_EQ(fetch(bytes("1000"))->body.size(), 1000U);
    EXPECT_EQ(fault_of(bytes("1001")), kTooLarge);
    EXPECT_EQ(fault_of({.url = url("/stream"), .response_bytes_max = 15}), kTooLarge);
    EXPECT_EQ(fetch({.url = url("/stream"), .response_bytes_max = 16})->body.size(), 16U);
}

TEST_F(CurlHttpClientTest, RefusesHeadersOverTheLimit) {
    const std::string long_line = "X-Long: " + std::string(500, 'x') + "\r\n";
    const ScriptedServer server(
        {{"HTTP/1.1 200 OK\r\n" + long_line + "Content-Length: 0\r\n\r\n"}});
    client({.header_bytes_max = 400});
    EXPECT_EQ(fault_of({.url = server.url()}), kTooLarge);
}

TEST_F(CurlHttpClientTest, RefusesRequestsThatCannotBeSent) {
    EXPECT_EQ(fault_of({.url = "ftp://127.0.0.1/"}), kInvalidRequest);
    EXPECT_EQ(fault_of({.url = "file:///etc/passwd"}), kInvalidRequest);
    EXPECT_EQ(fault_of({.url = "http://user:secret@127.0.0.1/"}), kInvalidRequest);
    EXPECT_EQ(fault_of({.url = ""}), kInvalidRequest);
    EXPECT_EQ(fault_of({.url = "/path"}), kInvalidRequest);
    EXPECT_EQ(fault_of({.url = std::string("http://127.0.0.1/\0x", 19)}), kInvalidRequest);
    EXPECT_EQ(fault_of({.method = "GET /", .url = url("/")}), kInvalidRequest);
    HttpHeaders split, named;
    split.add("X-A", "1\r\nX-B: 2");
    named.add("X-A: 1\r\nX-B", "2");
    EXPECT_EQ(fault_of({.url = url("/"), .headers = split}), kInvalidRequest);
    EXPECT_EQ(fault_of({.url = url("/"), .headers = named}), kInvalidRequest);
}

TEST_F(CurlHttpClientTest, SaysWhenNobodyListens) {
    std::string closed;
    {
        closed = ScriptedServer({}).url();
    }
    EXPECT_EQ(fault_of({.url = closed}), kUnreachable);
}

TEST_F(CurlHttpClientTest, GivesUpWhenTheTimeIsOver) {
    EXPECT_EQ(fault_of({.url = url("/never"), .timeout = Milliseconds(50)}), kTimeout);
    EXPECT_TRUE(eventually([this] { return aborted_ == 1; }));
}

TEST_F(CurlHttpClientTest, CallsABrokenAnswerBroken) {
    using Then = ScriptedServer::Then;
    const ScriptedServer server({{"SSH-2.0-OpenSSH\r\n\r\n", Then::kClose},
                                 {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Then::kClose},
                                 {"HTTP/1.1 200 OK\r\nContent-Le", Then::kClose},
                                 {"", Then::kClose}});
    for (int i = 0; i < 4; ++i) EXPECT_EQ(fault_of({.url = server.url()}), kBroken) << i;
}

TEST_F(CurlHttpClientTest, PassesOverInterimAnswers) {
    const ScriptedServer server(
        {{"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
          "HTTP/1.1 404 Gone\r\nContent-Length: 2\r\n\r\nno"}});
    const Outcome got = fetch({.url = server.url()});
    ASSERT_TRUE(got.has_value()) << got.error().reason;
    EXPECT_EQ(got->status, 404);
    EXPECT_EQ(got->headers.find("Link"), std::nullopt);
    EXPECT_EQ(got->body, "no");
}

TEST_F(CurlHttpClientTest, RepeatsARequestOnADeadConnectionOnlyWhenItMay) {
    const ScriptedServer::Line good{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
    const ScriptedServer::Line dead{"", ScriptedServer::Then::kClose};
    const ScriptedServer server({good, dead, good, dead, good});
    EXPECT_TRUE(fetch({.url = server.url()}).has_value());
    EXPECT_TRUE(fetch({.url = server.url(), .resend = Resend::kAllowed}).has_value());
    EXPECT_EQ(server.requests(), 3U);
    EXPECT_EQ(fault_of({.url = server.url()}), kBroken);
    EXPECT_EQ(server.requests(), 4U);
}

TEST_F(CurlHttpClientTest, DoesNotCallUnreachableWhatHasGotARequest) {
    using Then = ScriptedServer::Then;
    const ScriptedServer::Line good{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
    for (const Resend resend : {Resend::kNever, Resend::kAllowed}) {
        const ScriptedServer server({good, {"", Then::kVanish}});
        EXPECT_TRUE(fetch({.url = server.url()}).has_value());
        EXPECT_EQ(fault_of({.method = "POST", .url = server.url(), .resend = resend}), kBroken);
        EXPECT_EQ(server.requests(), 2U);
    }
}

TEST_F(CurlHttpClientTest, LeavesOutTheProxiesOfTheEnvironment) {
    ::setenv("http_proxy", "http://127.0.0.1:1", 1);
    ::setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    EXPECT_TRUE(fetch({.url = url("/")}).has_value());
    ::unsetenv("http_proxy");
    ::unsetenv("ALL_PROXY");
}

TEST_F(CurlHttpClientTest, ACancelledCallIsSilentAndClosesItsConnection) {
    bool told = false;
    HttpCall call = client().fetch({.url = url("/never")}, executor_, [&](auto) { told = true; });
    ASSERT_TRUE(eventually([this] { return held_count_ == 1; }));
    call.cancel();
    EXPECT_TRUE(eventually([this] { return aborted_ == 1; }));
    executor_.run_all();
    EXPECT_FALSE(told);
}

TEST_F(CurlHttpClientTest, ACallCancelledBeforeItsAnswerIsReadStaysSilent) {
    auto held = std::make_shared<int>(0);
    {
        const HttpCall call =
            client().fetch({.url = url("/a")}, executor_, [held](auto) { ADD_FAILURE(); });
        ASSERT_TRUE(eventually([this] { return executor_.size() == 1; }));
    }
    EXPECT_EQ(held.use_count(), 1);
    executor_.run_all();
}

TEST_F(CurlHttpClientTest, BoundsWhatIsUnderWayAndWhatWaitsForOneServer) {
    client({.active_per_origin_max = 1, .waiting_per_origin_max = 1});
    const HttpCall first = client().fetch({.url = url("/never")}, executor_, [](auto) {});
    ASSERT_TRUE(eventually([this] { return held_count_ == 1; }));
    std::optional<Outcome> waiting;
    const HttpCall second =
        client().fetch({.url = url("/a"), .timeout = Milliseconds(300)}, executor_,
                       [&](Outcome got) { waiting.emplace(std::move(got)); });
    EXPECT_EQ(fault_of({.url = url("/a")}), kOverloaded);
    TestServer other;
    other.start();
    EXPECT_TRUE(
        fetch({.url = "http://127.0.0.1:" + std::to_string(other.port()) + "/"}).has_value());
    executor_.run_until([&] { return waiting.has_value(); });
    ASSERT_FALSE(waiting->has_value());
    EXPECT_EQ(waiting->error().fault, kTimeout);
}

TEST_F(CurlHttpClientTest, BoundsWhatIsOpenInAll) {
    client({.active_max = 1, .waiting_max = 1});
    std::vector<HttpCall> calls;
    for (int i = 0; i < 2; ++i)
        calls.push_back(client().fetch({.url = url("/never")}, executor_, [](auto) {}));
    EXPECT_EQ(fault_of({.url = url("/a")}), kOverloaded);
    calls.clear();
    EXPECT_TRUE(eventually([this] { return fetch({.url = url("/a")}).has_value(); }));
}

TEST_F(CurlHttpClientTest, StartsWhatWaitsWhenAnEarlierOneEnds) {
    client({.active_max = 1});
    int answered = 0;
    std::vector<HttpCall> calls;
    for (int i = 0; i < 20; ++i) {
        calls.push_back(client().fetch({.url = url("/a")}, executor_,
                                       [&](Outcome got) { answered += got.has_value() ? 1 : 0; }));
    }
    executor_.run_until([&] { return answered == 20; });
}

TEST_F(CurlHttpClientTest, StartsWhatWaitsForOneServerBySourcesInTurn) {
    client({.active_max = 1, .waiting_max = 100});
    std::optional<HttpCall> first =
        client().fetch({.url = url("/never")}, executor_, [](auto) { ADD_FAILURE(); });
    ASSERT_TRUE(eventually([this] { return held_count_ == 1; }));
    std::string order;
    std::vector<HttpCall> calls;
    for (const char* name : {"a1", "a2", "a3", "b1", "c1"}) {
        calls.push_back(client().fetch({.url = url("/a"), .source = {name, 1}}, executor_,
                                       [&order, name](Outcome got) {
                                           EXPECT_TRUE(got.has_value());
                                           order += name;
                                       }));
    }
    first.reset();
    executor_.run_until([&] { return order.size() == 10; });
    EXPECT_EQ(order, "a1b1c1a2a3");
}

TEST_F(CurlHttpClientTest, LeavesRoomToWaitForOtherSources) {
    client({.active_per_origin_max = 1, .waiting_per_origin_max = 4});
    std::vector<HttpCall> calls;
    const auto fetch_of = [&](const char* source) {
        calls.push_back(
            client().fetch({.url = url("/never"), .source = source}, executor_, [](auto) {}));
    };
    fetch_of("flood");
    ASSERT_TRUE(eventually([this] { return held_count_ == 1; }));
    for (int i = 0; i < 2; ++i) fetch_of("flood");
    EXPECT_EQ(fault_of({.url = url("/a"), .source = "flood"}), kOverloaded);
    EXPECT_EQ(fault_of({.url = url("/a"), .timeout = Milliseconds(50), .source = "quiet"}),
              kTimeout);
    calls.erase(calls.begin() + 1);
    EXPECT_TRUE(eventually([&] {
        return fault_of({.url = url("/a"), .timeout = Milliseconds(50), .source = "flood"}) ==
               kTimeout;
    }));
}

/// Writes down what it hears.
class Listener final : public HttpResponseSink {
public:
    struct Heard {
        std::vector<std::string> lines;
        std::size_t bytes = 0;
        std::optional<std::expected<void, HttpClientFailure>> end;
        std::function<void()> on_first_part = nullptr;
    };
    explicit Listener(Heard& heard) : heard_(heard) {}
    void on_head(HttpResponse head) override {
        heard_.lines.push_back(std::to_string(head.status) + ' ' +
                               std::string(head.headers.find("content-type").value_or("")));
    }
    void on_part(std::string_view part) override {
        heard_.bytes += part.size();
        if (heard_.on_first_part) std::exchange(heard_.on_first_part, nullptr)();
    }
    void on_end(std::expected<void, HttpClientFailure> end) override {
        EXPECT_FALSE(heard_.end.has_value());
        heard_.end.emplace(std::move(end));
    }

private:
    Heard& heard_;
};

TEST_F(CurlHttpClientTest, StreamsHeadPartsAndEnd) {
    Listener::Heard heard;
    const HttpCall call =
        client().stream({.url = url("/stream")}, executor_, std::make_unique<Listener>(heard));
    executor_.run_until([&] { return heard.end.has_value(); });
    EXPECT_TRUE(heard.end->has_value());
    EXPECT_EQ(heard.lines, std::vector<std::string>{"200 application/x-ndjson"});
    EXPECT_EQ(heard.bytes, 16U);
}

TEST_F(CurlHttpClientTest, TellsAStreamOfItsFailure) {
    using Then = ScriptedServer::Then;
    const ScriptedServer server(
        {{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Then::kClose}});
    Listener::Heard cut, refused;
    const HttpCall one =
        client().stream({.url = server.url()}, executor_, std::make_unique<Listener>(cut));
    const HttpCall two =
        client().stream({.url = "ftp://x/"}, executor_, std::make_unique<Listener>(refused));
    executor_.run_until([&] { return cut.end && refused.end; });
    EXPECT_EQ(cut.bytes, 4U);
    EXPECT_EQ(cut.end->error().fault, kBroken);
    EXPECT_TRUE(refused.lines.empty());
    EXPECT_EQ(refused.end->error().fault, kInvalidRequest);
}

TEST_F(CurlHttpClientTest, HoldsTheSenderBackUntilTheStreamIsConsumed) {
    constexpr std::size_t kBytes = 8 << 20;
    client({.stream_ahead_bytes_max = 65'536});
    Listener::Heard heard;
    const HttpCall call = client().stream(
        {.url = url("/bytes?" + std::to_string(kBytes)), .response_bytes_max = kBytes}, executor_,
        std::make_unique<Listener>(heard));
    ASSERT_TRUE(eventually([this] { return executor_.size() >= 5; }));
    QueueExecutor other;
    for (int i = 0; i < 20; ++i) {
        bool done = false;
        const HttpCall small =
            client().fetch({.url = url("/a")}, other, [&](auto) { done = true; });
        other.run_until([&] { return done; });
    }
    constexpr std::size_t kSmallestPart = 1'024;
    EXPECT_LE(executor_.size(), 65'536 / kSmallestPart + 2);
    EXPECT_EQ(heard.bytes, 0U);
    executor_.run_until([&] { return heard.end.has_value(); });
    EXPECT_TRUE(heard.end->has_value());
    EXPECT_EQ(heard.bytes, kBytes);
}

TEST_F(CurlHttpClientTest, EndsAStreamThatGoesOverItsLimitWhileItIsHeldBack) {
    client({.stream_ahead_bytes_max = 1});
    Listener::Heard heard;
    const HttpCall call = client().stream({.url = url("/stream"), .response_bytes_max = 15},
                                          executor_, std::make_unique<Listener>(heard));
    executor_.run_until([&] { return heard.end.has_value(); });
    ASSERT_FALSE(heard.end->has_value());
    EXPECT_EQ(heard.end->error().fault, kTooLarge);
    EXPECT_LE(heard.bytes, 15U);
}

TEST_F(CurlHttpClientTest, AStreamMayBeCancelledInsideWhatItIsTold) {
    Listener::Heard heard;
    HttpCall call = client().stream({.url = url("/bytes?1000000")}, executor_,
                                    std::make_unique<Listener>(heard));
    heard.on_first_part = [&] { call.cancel(); };
    executor_.run_until([&] { return heard.bytes > 0; });
    const std::size_t at_cancel = heard.bytes;
    EXPECT_TRUE(fetch({.url = url("/a")}).has_value());
    executor_.run_all();
    EXPECT_EQ(heard.bytes, at_cancel);
    EXPECT_FALSE(heard.end.has_value());
}

TEST_F(CurlHttpClientTest, EndsWhatIsUnderWayWhenItStops) {
    std::vector<HttpClientFault> faults;
    const auto note = [&](Outcome got) { faults.push_back(got.error().fault); };
    const HttpCall open = client().fetch({.url = url("/never")}, executor_, note);
    ASSERT_TRUE(eventually([this] { return held_count_ == 1; }));
    client().stop();
    const HttpCall late = client().fetch({.url = url("/a")}, executor_, note);
    executor_.run_all();
    EXPECT_EQ(faults, (std::vector{kStopped, kStopped}));
}

TEST_F(CurlHttpClientTest, ACallMayOutliveTheClient) {
    HttpCall call = client().fetch({.url = url("/never")}, executor_, [](auto) {});
    client_.reset();
    call.cancel();
}

class TlsHttpClientTest : public CurlHttpClientTest {
protected:
    TlsHttpClientTest() {
        started_ = true;
        server_.start(*TlsContext::load(certificate_.files()));
    }
    Certificate certificate_;
};

TEST_F(TlsHttpClientTest, TrustsTheConfiguredAuthority) {
    client({.ca_file = certificate_.files().certificate_file});
    const Outcome got = fetch({.url = url("/a", "https://localhost:")});
    ASSERT_TRUE(got.has_value()) << got.error().reason;
    EXPECT_TRUE(got->body.starts_with("GET /a\n"));
}

TEST_F(TlsHttpClientTest, RefusesAnUnknownAuthority) {
    EXPECT_EQ(fault_of({.url = url("/a", "https://localhost:")}), kTls);
}

TEST_F(TlsHttpClientTest, RefusesACertificateOfAnotherName) {
    client({.ca_file = certificate_.files().certificate_file});
    EXPECT_EQ(fault_of({.url = url("/a", "https://127.0.0.1:")}), kTls);
}

TEST_F(TlsHttpClientTest, RefusesToGoOnWhenTheAuthoritiesCannotBeRead) {
    client({.ca_file = "/nonexistent.pem"});
    EXPECT_EQ(fault_of({.url = url("/a", "https://localhost:")}), kTls);
}

}  // namespace
}  // namespace signalbox::runtime
