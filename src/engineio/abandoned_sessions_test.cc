// Clients that come and are never heard of again, ten thousand at a time: when their time-outs are
// over, nothing of them is left.
#include <gtest/gtest.h>
#include <malloc.h>

#include "engineio/server_fixture.h"

namespace signalbox::engineio {
namespace {

using namespace testing;

/// Of the whole program. 0 under sanitizers, which have an allocator of their own.
std::size_t heap_bytes() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/// Keeps nothing of its sessions.
class ForgetfulApplication final : public Application {
public:
    void admit(const HttpRequest& request, Decision decide) override { decide(std::nullopt); }
    std::unique_ptr<SessionHandler> open(Session& session) override {
        last = &session;
        return std::make_unique<Handler>();
    }
    Session* last = nullptr;

private:
    class Handler final : public SessionHandler {
    public:
        void on_message(MessageKind kind, std::string_view message) override {}
        void on_close(CloseReason reason) override {}
    };
};

class AbandonedSessions : public ::testing::Test {
public:
    static constexpr int kSessions = 10'000;

    std::string open_polling() {
        HttpRequest first = make_request("GET", "EIO=4&transport=polling&sessionId=abandoned");
        first.headers.add("User-Agent", std::string(100, 'u'));
        return sid_in(exchange(server_, std::move(first))->body());
    }
    static std::string polling(const std::string& sid) {
        return "EIO=4&transport=polling&sid=" + sid;
    }
    std::shared_ptr<WebSocketRecord> upgrade_of(const std::string& sid) {
        return upgrade(server_, make_request("GET", "EIO=4&transport=websocket&sid=" + sid))
            ->websocket;
    }

    void abandon_after_handshake() { open_polling(); }
    void abandon_with_messages_queued() {
        open_polling();
        for (int i = 0; i < 3; ++i) app_.last->send(MessageKind::kText, std::string(300, 'x'));
    }
    void abandon_after_a_post() {
        exchange(server_, make_request("POST", polling(open_polling()), "4hello"));
    }
    void abandon_with_a_get_held() {
        exchange(server_, make_request("GET", polling(open_polling())));
    }
    void abandon_what_the_server_closes() {
        open_polling();
        app_.last->send(MessageKind::kText, "last");
        app_.last->close(CloseReason::kForcedClose);
    }
    void abandon_in_an_upgrade() { upgrade_of(open_polling()); }
    void abandon_after_the_probe() {
        const auto websocket = upgrade_of(open_polling());
        websocket->receive(MessageKind::kText, "2probe");
    }
    void abandon_after_the_upgrade() {
        const auto websocket = upgrade_of(open_polling());
        websocket->receive(MessageKind::kText, "2probe");
        websocket->receive(MessageKind::kText, "5");
    }
    void abandon_a_silent_websocket() { FakeClient client(server_); }

    using Way = void (AbandonedSessions::*)();
    static constexpr Way kWays[] = {&AbandonedSessions::abandon_after_handshake,
                                    &AbandonedSessions::abandon_with_messages_queued,
                                    &AbandonedSessions::abandon_after_a_post,
                                    &AbandonedSessions::abandon_with_a_get_held,
                                    &AbandonedSessions::abandon_what_the_server_closes,
                                    &AbandonedSessions::abandon_in_an_upgrade,
                                    &AbandonedSessions::abandon_after_the_probe,
                                    &AbandonedSessions::abandon_after_the_upgrade,
                                    &AbandonedSessions::abandon_a_silent_websocket};

    /// @return the heap's bytes at the worst moment.
    std::size_t abandon(const std::vector<Way>& ways) {
        for (int i = 0; i < kSessions; ++i) {
            (this->*ways[static_cast<std::size_t>(i) % ways.size()])();
        }
        EXPECT_EQ(server_.unfinished_count(), static_cast<std::size_t>(kSessions));
        const std::size_t worst = heap_bytes();
        // Longer than every time-out: that of a close which waits for its client is half a minute.
        for (int i = 0; i < 3100; ++i) wheel_.advance(wheel_.now() + Milliseconds(10));
        EXPECT_EQ(server_.unfinished_count(), 0U);
        EXPECT_EQ(server_.session_count(), 0U);
        return worst;
    }
    /// The first round makes tables as large as they get; the second must leave nothing behind.
    void expect_all_memory_back(const std::vector<Way>& ways) {
        abandon(ways);
        const std::size_t before = heap_bytes();
        const std::size_t worst = abandon(ways);
        const std::size_t after = heap_bytes();
        if (before == 0) return;
        EXPECT_GT(worst, before + std::size_t{kSessions} * 200) << "they cost nothing?";
        EXPECT_LT(after, before + kSessions) << "a byte or more of each session";
    }

    TimerWheel wheel_{MonotonicTime(std::chrono::hours(3))};
    SeededRandom random_{42};
    ForgetfulApplication app_;
    Server server_{{.ping_interval = Milliseconds(300),
                    .ping_timeout = Milliseconds(200),
                    .upgrade_timeout = Milliseconds(100)},
                   0,
                   wheel_,
                   random_,
                   app_};
};

TEST_F(AbandonedSessions, LeaveNothingAfterTheirHandshake) {
    expect_all_memory_back({&AbandonedSessions::abandon_after_handshake});
}

TEST_F(AbandonedSessions, LeaveNothingOfHalfOpenUpgrades) {
    expect_all_memory_back(
        {&AbandonedSessions::abandon_in_an_upgrade, &AbandonedSessions::abandon_after_the_probe});
}

TEST_F(AbandonedSessions, LeaveNothingOfSilentWebSockets) {
    expect_all_memory_back({&AbandonedSessions::abandon_a_silent_websocket});
}

TEST_F(AbandonedSessions, LeaveNothingHoweverTheyWereAbandoned) {
    expect_all_memory_back({std::begin(kWays), std::end(kWays)});
}

}  // namespace
}  // namespace signalbox::engineio
