#include "auth/jwks_source.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "auth/keys_for_tests.h"
#include "base/http_client_for_tests.h"

namespace signalbox::auth {
namespace {

using namespace std::chrono_literals;
using signalbox::testing::FakeHttpClient;

class QueueExecutor final : public Executor {
public:
    void post(Task task) override { tasks_.push_back(std::move(task)); }
    void run() {
        while (!tasks_.empty()) {
            Task task = std::move(tasks_.front());
            tasks_.pop_front();
            task();
        }
    }

private:
    std::deque<Task> tasks_;
};

/// Remembers the events.
class EventLog final : public Log {
public:
    void write(LogLevel, std::string_view event, std::initializer_list<LogField>) override {
        events.emplace_back(event);
    }
    [[nodiscard]] bool enabled(LogLevel) const override { return true; }
    std::vector<std::string> events;
};

std::string set_with(std::string_view kid) {
    return testing::key_set_of(
        {{testing::key_for(*find_algorithm("ES256")), fmt::format(R"("kid":"{}")", kid)}});
}

class JwksSourceTest : public ::testing::Test {
protected:
    JwksSourceTest() { source_->configure({.url = kUrl, .stale_max = 1h}); }

    static HttpResponse response(std::string body, std::string_view cache = "max-age=1000",
                                 std::string_view etag = "") {
        HttpResponse answer = HttpResponse::of(200, "application/json", std::move(body));
        if (!cache.empty()) answer.headers.add("Cache-Control", std::string(cache));
        if (!etag.empty()) answer.headers.add("ETag", std::string(etag));
        return answer;
    }
    void answer(HttpResponse with) {
        http_.answer(std::move(with));
        executor_.run();
    }
    void fail() {
        http_.fail(HttpClientFault::kUnreachable);
        executor_.run();
    }
    void advance(Milliseconds by) {
        clock_.advance(by);
        wheel_.advance(clock_.monotonic_now());
    }
    void ask() {
        source_->refresh(executor_, [this](KeysAnswer got) { answers_.push_back(got); });
        executor_.run();
    }
    [[nodiscard]] std::string kid() const {
        const auto set = keys_->get();
        return set == nullptr ? "" : set->keys.at(0).kid;
    }

    static constexpr const char* kUrl = "https://id.example/keys";
    ManualClock clock_;
    TimerWheel wheel_{clock_.monotonic_now()};
    SeededRandom random_{1};
    EventLog log_;
    FakeHttpClient http_;
    QueueExecutor executor_;
    std::shared_ptr<SharedKeySet> keys_ = std::make_shared<SharedKeySet>();
    std::unique_ptr<JwksSource> source_ = std::make_unique<JwksSource>(
        JwksSource::Ports{http_, executor_, clock_, wheel_, random_, log_}, keys_);
    std::vector<KeysAnswer> answers_;
};

TEST_F(JwksSourceTest, FetchesAtOnceWithinBounds) {
    ASSERT_EQ(http_.count(), 1U);
    const HttpClientRequest& request = http_.last().request;
    EXPECT_EQ(request.method, "GET");
    EXPECT_EQ(request.url, kUrl);
    EXPECT_EQ(request.response_bytes_max, kKeySetBytesMax);
    EXPECT_EQ(request.timeout, JwksSource::kTimeout);
    EXPECT_EQ(keys_->get(), nullptr);
    answer(response(set_with("a")));
    EXPECT_EQ(kid(), "a");
    EXPECT_EQ(source_->numbers().changed, 1U);
    EXPECT_EQ(source_->numbers().keys, 1U);
}

TEST_F(JwksSourceTest, RefreshesAheadOfTheEndOfTheLifetime) {
    answer(response(set_with("a")));
    advance(749s);
    EXPECT_EQ(http_.count(), 1U);
    advance(52s);
    EXPECT_EQ(http_.count(), 2U);
    answer(response(set_with("b")));
    EXPECT_EQ(kid(), "b");
}

TEST_F(JwksSourceTest, AsksWithTheETagAndKeepsWhatHasNotChanged) {
    answer(response(set_with("a"), "max-age=1000", "\"v1\""));
    const auto before = keys_->get();
    advance(801s);
    EXPECT_EQ(http_.last().request.headers.find("If-None-Match"), "\"v1\"");
    answer(HttpResponse{.status = 304});
    EXPECT_EQ(keys_->get(), before);
    advance(601s);
    answer(response(set_with("a")));
    EXPECT_EQ(keys_->get(), before);
    EXPECT_EQ(source_->numbers().unchanged, 2U);
    EXPECT_EQ(log_.events, std::vector<std::string>{"jwks.changed"});
}

TEST_F(JwksSourceTest, A304ThatNobodyAskedForIsAFailure) {
    answer(HttpResponse{.status = 304});
    EXPECT_EQ(source_->numbers().failed, 1U);
}

TEST_F(JwksSourceTest, KeepsTheOldSetWhileTheSourceIsDownAndAsksMoreAndMoreSeldom) {
    answer(response(set_with("a"), "max-age=100"));
    advance(81s);
    std::size_t requests = http_.count();
    for (const auto wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
        fail();
        EXPECT_EQ(kid(), "a");
        // The bound on fetches in a window counts for repetitions too.
        advance(std::max<Milliseconds>(wait, JwksSource::kFetchesWindow));
        EXPECT_EQ(http_.count(), ++requests) << wait.count();
    }
    answer(response(set_with("b")));
    EXPECT_EQ(kid(), "b");
    EXPECT_EQ(log_.events.back(), "jwks.recovered");
}

TEST_F(JwksSourceTest, DropsTheOldSetWhenItIsTooOld) {
    answer(response(set_with("a"), "max-age=100"));
    advance(90s);
    for (auto passed = 90s; passed < 100s + 1h; passed += 60s) {
        fail();
        EXPECT_EQ(kid(), "a") << passed.count();
        advance(60s);
    }
    fail();
    EXPECT_EQ(keys_->get(), nullptr);
    EXPECT_EQ(log_.events.back(), "jwks.dropped");
    EXPECT_EQ(source_->numbers().keys, 0U);
    advance(60s);
    answer(response(set_with("a")));
    EXPECT_EQ(kid(), "a");
}

TEST_F(JwksSourceTest, TakesNothingFromAnswersThatAreNoUsableSet) {
    answer(response(set_with("a")));
    const auto before = keys_->get();
    advance(12min);
    for (const auto& bad :
         {HttpResponse::of(404, "application/json", set_with("b")),
          HttpResponse::of(302, "text/html", ""), response("<html>"), response(""),
          response(R"({"keys":[]})"), response(R"({"keys":[{"kty":"RSA","use":"enc"}]})")}) {
        advance(2min);
        answer(bad);
        EXPECT_EQ(keys_->get(), before) << bad.body;
    }
    EXPECT_EQ(source_->numbers().failed, 6U);
}

TEST_F(JwksSourceTest, WhoAsksHearsWhenANewerSetIsThere) {
    answer(response(set_with("a")));
    ask();
    ASSERT_EQ(http_.count(), 2U);
    EXPECT_TRUE(answers_.empty());
    answer(response(set_with("b")));
    EXPECT_EQ(answers_, std::vector{KeysAnswer::kFresh});
    EXPECT_EQ(kid(), "b");
}

TEST_F(JwksSourceTest, WhoAsksDuringAFetchHearsOfItsNewSet) {
    advance(1ms);
    ask();
    answer(response(set_with("a")));
    EXPECT_EQ(answers_, std::vector{KeysAnswer::kChanged});
    EXPECT_EQ(http_.count(), 1U);
}

TEST_F(JwksSourceTest, WhoAsksDuringAFetchThatBringsNothingNewWaitsForTheNext) {
    answer(response(set_with("a")));
    advance(801s);
    ASSERT_EQ(http_.count(), 2U);
    advance(1ms);
    ask();
    answer(response(set_with("a")));
    EXPECT_TRUE(answers_.empty());
    ASSERT_EQ(http_.count(), 3U);
    answer(response(set_with("b")));
    EXPECT_EQ(answers_, std::vector{KeysAnswer::kFresh});
}

TEST_F(JwksSourceTest, ManyQuestionsCostTheSourceABoundedRate) {
    answer(response(set_with("a")));
    std::size_t asked = 0;
    for (int second = 0; second < 60; ++second) {
        for (int i = 0; i < 100; ++i, ++asked) ask();
        if (!http_.last().ended) answer(response(set_with("a")));
        advance(1s);
    }
    EXPECT_LE(http_.count(), 1 + JwksSource::kFetchesMax * (60s / JwksSource::kFetchesWindow));
    advance(JwksSource::kFetchesWindow);
    if (!http_.last().ended) answer(response(set_with("a")));
    EXPECT_EQ(answers_.size(), asked);
}

TEST_F(JwksSourceTest, TellsThoseWhoWaitThatTheSourceIsDown) {
    answer(response(set_with("a")));
    ask();
    ask();
    fail();
    EXPECT_EQ(answers_, (std::vector{KeysAnswer::kUnavailable, KeysAnswer::kUnavailable}));
    ask();  // not the third fetch in the window
    EXPECT_EQ(answers_.size(), 3U);
    EXPECT_EQ(http_.count(), 2U);
}

TEST_F(JwksSourceTest, BoundsThoseWhoWait) {
    for (std::size_t i = 0; i < JwksSource::kWaitersMax + 1; ++i) ask();
    EXPECT_EQ(answers_, std::vector{KeysAnswer::kOverloaded});
}

TEST_F(JwksSourceTest, WithoutAUrlThereIsNothingToWaitFor) {
    answer(response(set_with("a")));
    ask();
    source_->configure({});
    executor_.run();
    ask();
    EXPECT_EQ(answers_, (std::vector{KeysAnswer::kFresh, KeysAnswer::kFresh}));
    EXPECT_EQ(keys_->get(), nullptr);
    advance(24h);
    EXPECT_EQ(http_.count(), 2U);
}

TEST_F(JwksSourceTest, KeepsTheSetWhenItsUrlStays) {
    answer(response(set_with("a"), "max-age=1000", "\"v1\""));
    advance(10s);
    source_->configure({.url = kUrl});
    EXPECT_EQ(http_.last().request.headers.find("If-None-Match"), "\"v1\"");
    EXPECT_EQ(kid(), "a");
}

TEST_F(JwksSourceTest, DropsTheSetOfAnotherUrlAtOnce) {
    answer(response(set_with("a"), "max-age=1000", "\"v1\""));
    advance(10s);
    source_->configure({.url = "https://other.example/keys"});
    EXPECT_EQ(http_.last().request.url, "https://other.example/keys");
    EXPECT_EQ(http_.last().request.headers.find("If-None-Match"), std::nullopt);
    EXPECT_EQ(keys_->get(), nullptr);
    EXPECT_FALSE(source_->numbers().age_seconds);
    ask();
    EXPECT_TRUE(answers_.empty()) << "a token waits for the keys of the new place";
    answer(response(set_with("b")));
    EXPECT_EQ(answers_.size(), 1U);
    EXPECT_EQ(kid(), "b");
}

TEST_F(JwksSourceTest, TellsTheAgeOfItsSet) {
    EXPECT_FALSE(source_->numbers().age_seconds);
    answer(response(set_with("a")));
    advance(12'500ms);
    EXPECT_EQ(source_->numbers().age_seconds, 12.5);
}

TEST(KeySetLifetime, IsMaxAgeWithinBounds) {
    const auto of = [](const char* cache, const char* age = "") {
        HttpHeaders headers;
        headers.add("cache-control", cache);
        if (*age != '\0') headers.add("Age", age);
        return key_set_lifetime(headers);
    };
    EXPECT_EQ(key_set_lifetime({}), 10min);
    EXPECT_EQ(of("public"), 10min);
    EXPECT_EQ(of("public, max-age=3600"), 1h);
    EXPECT_EQ(of("Max-Age=\"3600\", must-revalidate"), 1h);
    EXPECT_EQ(of("max-age=3600", "600"), 50min);
    EXPECT_EQ(of("max-age=0"), 1min);
    EXPECT_EQ(of("no-store"), 1min);
    EXPECT_EQ(of("no-cache, max-age=3600"), 1min);
    EXPECT_EQ(of("max-age=x"), 1min);
    EXPECT_EQ(of("s-maxage=60"), 10min);
    EXPECT_EQ(of("max-age"), 10min);
    EXPECT_EQ(of("max-age=99999999999999999999999"), 24h);
    EXPECT_EQ(of("max-age=3600", "99999999999999999999999"), 1min);
}

}  // namespace
}  // namespace signalbox::auth
