#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "engineio/server.h"
#include "engineio/testing.h"

/// A server with an application that records, for this layer's tests.
namespace signalbox::engineio::testing {

/// What one session's handler heard.
struct Heard {
    std::vector<FakeMessage> messages;
    std::vector<CloseReason> closed;
    int slow = 0;
    bool destroyed = false;
};

class RecordingApplication final : public Application {
public:
    std::vector<std::shared_ptr<Heard>> opened;
    std::vector<Session*> sessions;  ///< valid while open
    std::vector<Decision> decisions;
    std::optional<HttpResponse> refusal;  ///< for decisions at once
    enum class Decides { kNow, kLater } decides = Decides::kNow;
    int asked = 0;
    bool idle = false;  ///< what the handlers say
    std::function<void(Session&)> on_open;
    std::function<void(Session&, std::string_view)> on_message;
    std::function<void(Session&)> on_slow;

    void admit(const HttpRequest& request, Decision decide) override {
        ++asked;
        if (decides == Decides::kLater) return decisions.push_back(std::move(decide));
        decide(std::move(refusal));
        // The request is still ours until we return.
        SB_CHECK(request.query.find("transport=") != std::string::npos);
    }
    std::unique_ptr<SessionHandler> open(Session& session) override;
};

class RecordingHandler final : public SessionHandler {
public:
    RecordingHandler(RecordingApplication& application, Session& session,
                     std::shared_ptr<Heard> heard)
        : application_(application), session_(session), heard_(std::move(heard)) {}
    ~RecordingHandler() override {
        SB_CHECK(in_call_ == 0);
        heard_->destroyed = true;
    }
    RecordingHandler(const RecordingHandler&) = delete;
    RecordingHandler& operator=(const RecordingHandler&) = delete;

    void on_message(MessageKind kind, std::string_view message) override {
        ++in_call_;
        heard_->messages.push_back({kind, std::string(message)});
        if (application_.on_message) application_.on_message(session_, message);
        --in_call_;
    }
    [[nodiscard]] bool idle() const override { return application_.idle; }
    void on_slow_consumer() override {
        ++in_call_;
        ++heard_->slow;
        if (application_.on_slow) application_.on_slow(session_);
        --in_call_;
    }
    void on_close(CloseReason reason) override {
        SB_CHECK(!session_.open());
        heard_->closed.push_back(reason);
    }

private:
    RecordingApplication& application_;
    Session& session_;
    std::shared_ptr<Heard> heard_;
    int in_call_ = 0;
};

inline std::unique_ptr<SessionHandler> RecordingApplication::open(Session& session) {
    auto heard = std::make_shared<Heard>();
    opened.push_back(heard);
    sessions.push_back(&session);
    if (on_open) on_open(session);
    return std::make_unique<RecordingHandler>(*this, session, std::move(heard));
}

/// Base of the test suites, beside ::testing::Test.
class ServerFixture {
protected:
    explicit ServerFixture(Options options = {}) : server_(options, 2, wheel_, random_, app_) {}

    /// In steps, as a loop does.
    void advance(Milliseconds by) {
        for (Milliseconds step{0}; step < by; ++step) {
            now_ += Milliseconds(1);
            wheel_.advance(now_);
        }
    }

    /// Opens a polling session. @return its sid.
    std::string open_polling() {
        const auto opened = request("GET", "EIO=4&transport=polling");
        SB_CHECK(opened->status() == 200);
        return sid_in(opened->body());
    }
    std::shared_ptr<ExchangeRecord> request(std::string method, std::string query,
                                            std::string body = {}) {
        return exchange(server_,
                        make_request(std::move(method), std::move(query), std::move(body)));
    }
    static std::string polling(const std::string& sid) {
        return "EIO=4&transport=polling&sid=" + sid;
    }
    std::shared_ptr<ExchangeRecord> get(const std::string& sid) {
        return request("GET", polling(sid));
    }
    std::shared_ptr<ExchangeRecord> post(const std::string& sid, std::string body) {
        return request("POST", polling(sid), std::move(body));
    }
    std::shared_ptr<UpgradeRecord> upgrade_with(const std::string& sid) {
        return upgrade(server_, make_request("GET", "EIO=4&transport=websocket&sid=" + sid));
    }
    /// The WebSocket of an upgrade after its probe was answered.
    std::shared_ptr<WebSocketRecord> probe(const std::string& sid) {
        auto websocket = upgrade_with(sid)->websocket;
        websocket->receive(MessageKind::kText, "2probe");
        return websocket;
    }
    Session& last_session() { return *app_.sessions.back(); }
    Heard& last_heard() { return *app_.opened.back(); }

    MonotonicTime now_{std::chrono::hours(3)};
    TimerWheel wheel_{now_};
    SeededRandom random_{42};
    RecordingApplication app_;
    Server server_;
};

/// The code of a JSON refusal with status 400; -1 for any other answer, or none.
[[nodiscard]] inline int refusal_code(const ExchangeRecord& record) {
    constexpr std::string_view kStart = "{\"code\":";
    if (record.status() != 400 || !record.body().starts_with(kStart)) return -1;
    return record.body()[kStart.size()] - '0';
}

inline std::vector<std::string> texts_of(const WebSocketRecord& websocket) {
    std::vector<std::string> texts;
    for (const auto& [kind, data] : websocket.sent) {
        texts.push_back(kind == MessageKind::kText ? data : "binary " + data);
    }
    return texts;
}

}  // namespace signalbox::engineio::testing
