#include "gateway/remote_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "base/http_client_for_tests.h"

namespace signalbox::gateway {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::optional<Verdict> read(std::string_view json) {
    JsonParser parser;
    return read_verdict(parser, json, "active");
}

TEST(Verdict, IsReadFromAnObject) {
    const auto verdict = read(
        R"({"active":true,"permissions":["a","b"],"expiresAt":"2026-11-22T08:00:00.000Z","x":1})");
    ASSERT_TRUE(verdict);
    EXPECT_TRUE(verdict->yes);
    EXPECT_THAT(*verdict->permissions, ElementsAre("a", "b"));
    EXPECT_EQ(format_time(*verdict->expires_at), "2026-11-22T08:00:00.000Z");
    EXPECT_EQ(read(R"({"active":true,"expiresAt":1790000000.5})")->expires_at,
              WallTime(Milliseconds(1'790'000'000'500)));
    const auto bare = read(R"({"active":false,"permissions":null,"expiresAt":null})");
    ASSERT_TRUE(bare);
    EXPECT_FALSE(bare->yes || bare->permissions || bare->expires_at);
}

TEST(Verdict, IsNoneWhereAnythingIsNotAsItShouldBe) {
    for (const char* bad :
         {"", "true", "[]", "{}", R"({"active":"true"})", R"({"active":1})", R"({"active":null})",
          R"({"active":true,"permissions":"a"})", R"({"active":true,"permissions":[1]})",
          R"({"active":true,"expiresAt":"tomorrow"})", R"({"active":true,"expiresAt":-1})",
          R"({"active":true,"expiresAt":1e300})", R"({"active":true)"}) {
        EXPECT_FALSE(read(bad)) << bad;
    }
}

/// FakeHttpClient answers at once.
class NoExecutor final : public Executor {
    void post(Task) override { throw std::logic_error("the fake client posts nothing"); }
};

class Judge : public ::testing::Test {
protected:
    explicit Judge(JudgeOptions options = defaults())
        : judge(std::move(options), client, executor, clock) {}

    static JudgeOptions defaults() {
        return {.url = "http://api/judge",
                .bearer = "secret",
                .member = "active",
                .cached_for = seconds(10),
                .stale_for = seconds(30),
                .per_second = 0};
    }
    void ask(const std::string& key = "q") {
        judge.ask(key, "{\"q\":1}", [this](std::expected<Verdict, Error> verdict) {
            told.push_back(!verdict ? verdict.error().code : verdict->yes ? "yes" : "no");
        });
    }
    void answer(std::string json, int status = 200) {
        client.answer(HttpResponse::of(status, "application/json", std::move(json)));
    }
    std::vector<std::string> take() { return std::exchange(told, {}); }

    ManualClock clock;
    NoExecutor executor;
    signalbox::testing::FakeHttpClient client;
    std::vector<std::string> told;
    RemoteJudge judge;
};

TEST_F(Judge, AsksAndRemembersForSeconds) {
    ask();
    EXPECT_EQ(client.last().request.method, "POST");
    EXPECT_EQ(client.last().request.body, "{\"q\":1}");
    EXPECT_EQ(client.last().request.headers.find("Authorization"), "Bearer secret");
    answer(R"({"active":true})");
    ask();
    clock.advance(seconds(10) - Milliseconds(1));
    ask();
    EXPECT_EQ(client.count(), 1U);
    EXPECT_THAT(take(), ElementsAre("yes", "yes", "yes"));
    clock.advance(Milliseconds(1));
    ask();
    answer(R"({"active":false})");
    EXPECT_EQ(client.count(), 2U);
    EXPECT_THAT(take(), ElementsAre("no"));
}

TEST_F(Judge, AsksOnceForAllThatWait) {
    ask(), ask(), ask("other");
    EXPECT_EQ(client.count(), 2U);
    signalbox::testing::FakeHttpClient::finish(
        client.at(0), HttpResponse::of(200, "application/json", R"({"active":true})"));
    EXPECT_THAT(take(), ElementsAre("yes", "yes"));
    answer(R"({"active":false})");
    EXPECT_THAT(take(), ElementsAre("no"));
}

TEST_F(Judge, LetsOnlySoManyWait) {
    for (std::size_t i = 0; i <= RemoteJudge::kWaitingMax; ++i) ask();
    EXPECT_THAT(take(), ElementsAre("OVERLOADED"));
}

TEST_F(Judge, HasNoVerdictWhenTheApiIsDownOrUnreadable) {
    ask();
    client.fail(HttpClientFault::kUnreachable);
    for (const int status : {401, 404, 500}) {
        clock.advance(seconds(1));
        ask();
        answer(R"({"active":true})", status);
    }
    clock.advance(seconds(1));
    ask();
    answer("<html>");
    EXPECT_EQ(client.count(), 5U);
    EXPECT_EQ(take(), std::vector<std::string>(5, "OVERLOADED"));
}

TEST_F(Judge, LetsWhatIsKnownCountWhileTheApiIsDown) {
    ask();
    answer(R"({"active":true})");
    clock.advance(seconds(20));
    ask();
    client.fail(HttpClientFault::kTimeout);
    clock.advance(seconds(20) - Milliseconds(1));
    ask();
    client.fail(HttpClientFault::kTimeout);
    EXPECT_THAT(take(), ElementsAre("yes", "yes", "yes"));
    clock.advance(seconds(1));
    ask();
    client.fail(HttpClientFault::kTimeout);
    EXPECT_THAT(take(), ElementsAre("OVERLOADED"));
}

TEST_F(Judge, DoesNotLetANoOutliveAnOutage) {
    ask();
    answer(R"({"active":false})");
    clock.advance(seconds(11));
    ask();
    client.fail(HttpClientFault::kTimeout);
    EXPECT_THAT(take(), ElementsAre("no", "OVERLOADED"));
}

TEST_F(Judge, AsksAgainOnceAYesIsOver) {
    const std::string end = format_time(clock.wall_now() + seconds(2));
    ask();
    answer(R"({"active":true,"expiresAt":")" + end + "\"}");
    clock.advance(seconds(1));
    ask();
    EXPECT_EQ(client.count(), 1U);
    clock.advance(seconds(1));
    ask();
    EXPECT_EQ(client.count(), 2U);
}

TEST_F(Judge, LeavesAnApiAloneForASecondAfterAFailure) {
    ask();
    client.fail(HttpClientFault::kBroken);
    ask();
    EXPECT_EQ(client.count(), 1U);
    clock.advance(seconds(1));
    ask();
    EXPECT_EQ(client.count(), 2U);
}

TEST_F(Judge, LetsTheCallerAskAgainInItsAnswer) {
    judge.ask("q", "1", [this](auto) { ask("q"), ask("other"); });
    client.fail(HttpClientFault::kBroken);
    EXPECT_EQ(client.count(), 2U);
    EXPECT_THAT(take(), ElementsAre("OVERLOADED"));
}

class BoundedJudge : public Judge {
protected:
    BoundedJudge()
        : Judge([] {
              JudgeOptions options = defaults();
              options.per_second = 2;
              options.entries_max = 3;
              return options;
          }()) {}
};

TEST_F(BoundedJudge, SendsNoMoreThanItsRate) {
    ask("a"), ask("b"), ask("c");
    EXPECT_EQ(client.count(), 2U);
    EXPECT_THAT(take(), ElementsAre("OVERLOADED"));
    clock.advance(Milliseconds(500));
    ask("c");
    EXPECT_EQ(client.count(), 3U);
}

TEST_F(BoundedJudge, ForgetsTheOldestAnswers) {
    for (int i = 0; i < 20; ++i) {
        ask(std::to_string(i));
        answer(R"({"active":true})");
        clock.advance(seconds(1));
    }
    EXPECT_EQ(judge.size(), 3U);
}

TEST_F(BoundedJudge, ForgetsOthersForWhatIsUnderWay) {
    ask("under way");
    for (int i = 0; i < 20; ++i) {
        clock.advance(seconds(1));
        judge.ask(std::to_string(i), "{}", [](auto) {});
        testing::FakeHttpClient::finish(
            client.last(), HttpResponse::of(200, "application/json", R"({"active":true})"));
    }
    EXPECT_EQ(judge.size(), 3U);
}

}  // namespace
}  // namespace signalbox::gateway
