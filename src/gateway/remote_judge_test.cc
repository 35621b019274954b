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
          R"({"active":true,"expiresAt":1e300})", R"({"active":true)",
          R"({"active":true,"active":false})", R"({"active":true,"x":{"a":1,"a":2}})"}) {
        EXPECT_FALSE(read(bad)) << bad;
    }
}

/// Keeps the names of lines, and their reasons.
class LinesLog final : public Log {
public:
    void write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) override {
        lines.emplace_back(event);
        for (const LogField& field : fields) {
            if (field.name == "reason")
                lines.back() += ": " + std::string(std::get<std::string_view>(field.value));
        }
    }
    [[nodiscard]] bool enabled(LogLevel) const override { return true; }
    std::vector<std::string> lines;
};

/// FakeHttpClient answers at once.
class NoExecutor final : public Executor {
    void post(Task) override { throw std::logic_error("the fake client posts nothing"); }
};

class Judge : public ::testing::Test {
protected:
    explicit Judge(JudgeOptions options = defaults())
        : judge(std::move(options), {client, executor, clock, log}) {}

    static JudgeOptions defaults() {
        return {.name = "judge",
                .url = "http://api/judge",
                .bearer = "secret",
                .member = "active",
                .cached_for = seconds(10),
                .stale_for = seconds(30),
                .per_second = 0};
    }
    void ask(const std::string& key = "q", const std::string& user = "u",
             const std::string& company = "acme") {
        judge.ask({key, "{\"q\":1}", CompanyId::trusted(company), UserId::trusted(user)},
                  [this](std::expected<Verdict, Error> verdict) {
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
    LinesLog log;
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

TEST_F(Judge, KeepsNoMoreBytesThanItsMaximum) {
    const std::string large =
        R"({"active":true,"permissions":[")" + std::string(60'000, 'p') + "\"]}";
    for (int i = 0; i < 1'500; ++i) {
        ask("q" + std::to_string(i));
        answer(large);
    }
    EXPECT_LE(judge.bytes(), RemoteJudge::kBytesMax);
    EXPECT_GT(judge.size(), 1'000U);
    EXPECT_THAT(take(), ::testing::Each("yes"));
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
    EXPECT_EQ(take(), std::vector<std::string>(5, "UPSTREAM_UNAVAILABLE"));
    EXPECT_EQ(judge.numbers().failed, 5U);
}

TEST_F(Judge, WritesAnOutageToTheLogNowAndThenAndItsEndOnce) {
    for (int i = 0; i < 25; ++i) {
        ask();
        client.fail(HttpClientFault::kUnreachable);
        clock.advance(seconds(1));
    }
    EXPECT_THAT(log.lines, ElementsAre("judge.failed: unreachable", "judge.failed: unreachable",
                                       "judge.failed: unreachable"));
    log.lines.clear();
    ask();
    answer(R"({"active":true})");
    ask("other");
    answer(R"({"active":false})");
    EXPECT_THAT(log.lines, ElementsAre("judge.recovered"));
    EXPECT_EQ(judge.numbers().failed, 25U);
    EXPECT_EQ(judge.numbers().yes, 1U);
    EXPECT_EQ(judge.numbers().no, 1U);
}

TEST_F(Judge, SaysInTheLogWhatIsWrongWithAnAnswer) {
    ask();
    answer("{}", 503);
    clock.advance(seconds(10));
    ask();
    answer("<html>");
    EXPECT_THAT(log.lines, ElementsAre("judge.failed: the answer's status is 503",
                                       "judge.failed: the answer cannot be read"));
}

TEST_F(Judge, BlamesItselfForItsOwnQueue) {
    ask();
    client.fail(HttpClientFault::kOverloaded);
    ask();
    EXPECT_THAT(take(), ElementsAre("OVERLOADED", "OVERLOADED"));
}

TEST_F(Judge, KnowsNothingFromAnApiThatItWasTakenOff) {
    ask();
    answer(R"({"active":true})");
    ask("under way");
    JudgeOptions other = defaults();
    other.url = "http://other/judge";
    judge.reconfigure(other);
    EXPECT_THAT(take(), ElementsAre("yes", "UPSTREAM_UNAVAILABLE"));
    ask();
    EXPECT_EQ(client.last().request.url, "http://other/judge");
    other.cached_for = seconds(1);
    judge.reconfigure(other);
    answer(R"({"active":false})");
    EXPECT_THAT(take(), ElementsAre("no"));
}

TEST_F(Judge, AsksNobodyWithoutAUrl) {
    judge.reconfigure({.name = "judge", .member = "active"});
    ask();
    EXPECT_EQ(client.count(), 0U);
    EXPECT_THAT(take(), ElementsAre("UPSTREAM_UNAVAILABLE"));
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
    EXPECT_THAT(take(), ElementsAre("UPSTREAM_UNAVAILABLE"));
}

TEST_F(Judge, DoesNotLetANoOutliveAnOutage) {
    ask();
    answer(R"({"active":false})");
    clock.advance(seconds(11));
    ask();
    client.fail(HttpClientFault::kTimeout);
    EXPECT_THAT(take(), ElementsAre("no", "UPSTREAM_UNAVAILABLE"));
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
    judge.ask({.key = "q", .body = "1"}, [this](auto) { ask("q"), ask("other"); });
    client.fail(HttpClientFault::kBroken);
    EXPECT_EQ(client.count(), 2U);
    EXPECT_THAT(take(), ElementsAre("UPSTREAM_UNAVAILABLE"));
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
    EXPECT_EQ(judge.numbers().not_sent, 1U);
    EXPECT_EQ(judge.size(), 2U) << "what is not asked takes no room";
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
        judge.ask({.key = std::to_string(i), .body = "{}"}, [](auto) {});
        testing::FakeHttpClient::finish(
            client.last(), HttpResponse::of(200, "application/json", R"({"active":true})"));
    }
    EXPECT_EQ(judge.size(), 3U);
}

class SharedJudge : public Judge {
protected:
    SharedJudge()
        : Judge([] {
              JudgeOptions options = defaults();
              options.per_second = 20;
              options.entries_max = 10;
              return options;
          }()) {}
};

TEST_F(SharedJudge, AsksForOthersWhileOneHasManySessions) {
    int others = 0;
    // In the first second nobody is known yet to ask beside.
    for (int tick = 0; tick < 110; ++tick) {
        clock.advance(Milliseconds(100));
        for (int i = 0; i < 50; ++i)
            ask("greedy " + std::to_string(tick) + ' ' + std::to_string(i), "greedy");
        const std::size_t before = client.count();
        if (tick % 5 == 0) ask("colleague " + std::to_string(tick), "colleague");
        if (tick % 5 == 2) ask("stranger " + std::to_string(tick), "v", "other");
        if (tick >= 10) others += static_cast<int>(client.count() - before);
    }
    EXPECT_EQ(others, 40);
    EXPECT_GE(client.count(), 200U);
}

TEST_F(SharedJudge, ForgetsFirstOfWhoHasMost) {
    const auto know = [&](const std::string& key, const std::string& user) {
        ask(key, user);
        answer(R"({"active":true})");
        clock.advance(Milliseconds(100));
    };
    know("mine", "u");
    for (int i = 0; i < 30; ++i) know("greedy " + std::to_string(i), "greedy");
    const std::size_t before = client.count();
    ask("mine", "u");
    EXPECT_EQ(client.count(), before);
    EXPECT_EQ(judge.size(), 10U);
}

}  // namespace
}  // namespace signalbox::gateway
