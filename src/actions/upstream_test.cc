#include "actions/upstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/http_client_for_tests.h"
#include "base/log_for_tests.h"

namespace signalbox::actions {
namespace {

using signalbox::testing::FakeHttpClient;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class QueueExecutor final : public signalbox::Executor {
public:
    void post(Task task) override { tasks_.push_back(std::move(task)); }
    void drain() {
        while (!tasks_.empty()) {
            Task task = std::move(tasks_.front());
            tasks_.pop_front();
            task();
        }
    }

private:
    std::deque<Task> tasks_;
};

class NoPool final : public BlockingPool {
    bool try_run(Task&, const Share&) override { return false; }
};

using signalbox::testing::RecordingLog;

struct Heard {
    std::vector<std::string> progress;
    std::vector<ActionResult> ends;
    std::function<void()> on_progress;
};

class RecordingSink final : public ExecutionSink {
public:
    explicit RecordingSink(Heard& heard) : heard_(heard) {}
    void on_status(Status status, std::uint64_t, std::string_view progress) override {
        if (status != Status::kProgress) return;
        heard_.progress.emplace_back(progress);
        if (heard_.on_progress) heard_.on_progress();
    }
    void on_end(ActionResult result) override { heard_.ends.push_back(std::move(result)); }

private:
    Heard& heard_;
};

class UpstreamTest : public ::testing::Test {
protected:
    UpstreamTest() {
        spec.name = "orders.*";
        spec.url = "http://api/do";
        spec.breaker_failures = 0;
    }
    void register_action() {
        UpstreamOptions options;
        options.upstreams = {spec};
        ASSERT_THAT(add_upstream_actions(registry, options), IsEmpty());
    }
    ExecutionId start(std::optional<Milliseconds> timeout = std::nullopt) {
        if (registry.all().empty()) register_action();
        heard = {};
        ExecutionRequest request;
        request.action = registry.find("orders.create");
        request.action_name = "orders.create";
        request.request_id = "r1";
        request.timeout = timeout;
        request.wants_status = true;
        return executor.start(std::move(request), std::make_unique<RecordingSink>(heard));
    }
    void advance(Milliseconds by) {
        for (; by.count() > 0; by -= Milliseconds(10)) {
            clock.advance(std::min(by, Milliseconds(10)));
            wheel.advance(clock.monotonic_now());
        }
        shard.drain();
    }
    /// Longer than any pause between tries.
    void pass_pause() { advance(Milliseconds(2'000)); }
    std::string ended() const {
        if (heard.ends.size() != 1) return std::to_string(heard.ends.size()) + " ends";
        const ActionResult& end = heard.ends.front();
        return end ? end->str() : end.error().code;
    }
    void answer(int status, std::string body = "") {
        http.answer(HttpResponse::of(status, "application/json", std::move(body)));
    }
    /// Of the stream of the last request.
    HttpResponseSink& stream() {
        HttpResponseSink& sink = *http.last().sink;
        return sink;
    }
    void begin_lines() { stream().on_head(HttpResponse::of(200, "application/x-ndjson", "")); }
    std::uint64_t count(UpstreamFate fate) const {
        return executor.upstream_numbers().requests[static_cast<std::size_t>(fate)];
    }

    UpstreamSpec spec;
    ManualClock clock;
    TimerWheel wheel{clock.monotonic_now()};
    QueueExecutor shard;
    NoPool pool;
    SeededRandom random{1};
    RecordingLog log;
    FakeHttpClient http;
    ActionRegistry registry;
    Heard heard;
    Executor executor{wheel, shard, pool, random, log, clock, &http};
};

TEST_F(UpstreamTest, AnswersWhatTheServiceAnswers) {
    start();
    EXPECT_EQ(http.last().request.url, "http://api/do");
    EXPECT_THAT(http.last().request.body, HasSubstr(R"("action":"orders.create")"));
    EXPECT_EQ(http.last().request.timeout, Milliseconds(30'000));
    EXPECT_EQ(executor.upstream_numbers().in_flight, 1U);
    answer(200, R"({"n":1.10})");
    EXPECT_EQ(ended(), R"({"n":1.10})");
    EXPECT_EQ(executor.running(), 0U);
    EXPECT_EQ(executor.upstream_numbers().in_flight, 0U);
    EXPECT_EQ(count(UpstreamFate::kSucceeded), 1U);
}

TEST_F(UpstreamTest, GivesErrorsThatHandlersMayNotGive) {
    start();
    answer(429);
    EXPECT_EQ(ended(), "RATE_LIMITED");
    EXPECT_THAT(log.lines, IsEmpty());
}

TEST_F(UpstreamTest, LogsTheCauseUnderTheRefThatTheCallerHears) {
    start();
    answer(500, "secret");
    ASSERT_EQ(ended(), "UPSTREAM_ERROR");
    const Error& error = heard.ends[0].error();
    EXPECT_EQ(error.ref.size(), 8U);
    EXPECT_THAT(log.lines, ElementsAre(::testing::AllOf(HasSubstr("upstream.failed"),
                                                        HasSubstr(error.ref), HasSubstr("500"),
                                                        ::testing::Not(HasSubstr("secret")))));
}

TEST_F(UpstreamTest, PassesProgressOnAndEndsWithTheResultsLine) {
    start();
    begin_lines();
    stream().on_part("{\"progress\":{\"percent\":5}}\n{\"prog");
    stream().on_part("ress\":[1]}\n");
    EXPECT_THAT(heard.progress, ElementsAre(R"({"percent":5})", "[1]"));
    EXPECT_EQ(ended(), "0 ends");
    stream().on_part("{\"result\":7}\n");
    EXPECT_EQ(ended(), "7");
    EXPECT_TRUE(http.last().ended);
}

TEST_F(UpstreamTest, GivesTheRequestUpWhenTheExecutionIsCancelled) {
    const ExecutionId id = start();
    EXPECT_TRUE(executor.cancel(id));
    EXPECT_EQ(ended(), "CANCELLED");
    EXPECT_TRUE(http.last().ended);
    EXPECT_EQ(count(UpstreamFate::kGivenUp), 1U);
    answer(200, "1");
    EXPECT_EQ(ended(), "CANCELLED");
}

TEST_F(UpstreamTest, MayBeCancelledByWhoHearsItsProgress) {
    const ExecutionId id = start();
    heard.on_progress = [&] { executor.cancel(id); };
    begin_lines();
    stream().on_part("{\"progress\":1}\n{\"progress\":2}\n{\"result\":3}\n");
    shard.drain();
    EXPECT_EQ(ended(), "CANCELLED");
    EXPECT_EQ(heard.progress.size(), 1U);
    EXPECT_TRUE(http.last().ended);
    EXPECT_EQ(executor.upstream_numbers().in_flight, 0U);
}

TEST_F(UpstreamTest, TimesOutAtTheDeadlineAndGivesTheRequestUp) {
    spec.timeout = Milliseconds(500);
    start();
    advance(Milliseconds(490));
    EXPECT_EQ(ended(), "0 ends");
    advance(Milliseconds(10));
    EXPECT_EQ(ended(), "TIMEOUT");
    EXPECT_TRUE(http.last().ended);
    EXPECT_EQ(count(UpstreamFate::kTimedOut), 1U);
}

TEST_F(UpstreamTest, TriesAgainWhenNothingWasSent) {
    start();
    http.fail(HttpClientFault::kUnreachable);
    EXPECT_EQ(http.count(), 1U);
    pass_pause();
    ASSERT_EQ(http.count(), 2U);
    EXPECT_LT(http.last().request.timeout, Milliseconds(30'000));
    http.fail(HttpClientFault::kUnreachable);
    pass_pause();
    ASSERT_EQ(http.count(), 3U);
    http.fail(HttpClientFault::kUnreachable);
    EXPECT_EQ(ended(), "UPSTREAM_UNAVAILABLE");
    EXPECT_EQ(executor.upstream_numbers().retries, 2U);
    EXPECT_EQ(count(UpstreamFate::kUnavailable), 3U);
}

TEST_F(UpstreamTest, TriesWhatIsNotSafeOnlyOnceWhenItMayHaveBegun) {
    for (const auto fault : {HttpClientFault::kBroken, HttpClientFault::kTimeout}) {
        const std::size_t before = http.count();
        start();
        http.fail(fault);
        EXPECT_EQ(heard.ends.size(), 1U);
        pass_pause();
        EXPECT_EQ(http.count(), before + 1);
    }
    start();
    answer(503);
    EXPECT_EQ(ended(), "UPSTREAM_UNAVAILABLE");
}

TEST_F(UpstreamTest, TriesWhatIsSafeAgain) {
    spec.safe_to_retry = true;
    start();
    http.fail(HttpClientFault::kBroken);
    pass_pause();
    answer(503);
    pass_pause();
    ASSERT_EQ(http.count(), 3U);
    answer(200, "1");
    EXPECT_EQ(ended(), "1");
}

TEST_F(UpstreamTest, DoesNotTryAgainWhatHasShownProgress) {
    spec.safe_to_retry = true;
    start();
    begin_lines();
    stream().on_part("{\"progress\":1}\n");
    http.fail(HttpClientFault::kBroken);
    EXPECT_EQ(ended(), "UPSTREAM_ERROR");
}

TEST_F(UpstreamTest, DoesNotTryAgainWhenTheServiceWantsMoreTimeThanThat) {
    spec.safe_to_retry = true;
    start();
    auto busy = HttpResponse::of(503, "text/plain", "");
    busy.headers.add("Retry-After", "60");
    http.answer(std::move(busy));
    ASSERT_EQ(ended(), "UPSTREAM_UNAVAILABLE");
    EXPECT_EQ(heard.ends[0].error().retry_after, Milliseconds(60'000));
}

TEST_F(UpstreamTest, DoesNotTryAgainBeyondTheDeadline) {
    start(Milliseconds(1));
    http.fail(HttpClientFault::kUnreachable);
    EXPECT_EQ(ended(), "UPSTREAM_UNAVAILABLE");
}

TEST_F(UpstreamTest, AsksNobodyWhileTheBreakerIsOpen) {
    spec.breaker_failures = 2;
    spec.breaker_pause = Milliseconds(5'000);
    spec.retries = 0;
    for (int i = 0; i < 2; ++i) {
        start();
        http.fail(HttpClientFault::kBroken);
    }
    start();
    EXPECT_EQ(ended(), "UPSTREAM_UNAVAILABLE");
    EXPECT_EQ(heard.ends[0].error().retry_after, Milliseconds(5'000));
    EXPECT_EQ(http.count(), 2U);
    EXPECT_EQ(count(UpstreamFate::kNotSent), 1U);
    advance(Milliseconds(5'000));
    start();
    ASSERT_EQ(http.count(), 3U);
    answer(404);
    EXPECT_EQ(ended(), "NOT_FOUND");
    start();
    EXPECT_EQ(http.count(), 4U);
}

TEST_F(UpstreamTest, CountsNoTimeOutOfACallerInAHurryAgainstTheService) {
    spec.breaker_failures = 1;
    spec.timeout = Milliseconds(1'000);
    start(Milliseconds(10));
    advance(Milliseconds(10));
    EXPECT_EQ(ended(), "TIMEOUT");
    start();
    ASSERT_EQ(http.count(), 2U);
    advance(Milliseconds(1'000));
    EXPECT_EQ(ended(), "TIMEOUT");
    start();
    EXPECT_EQ(ended(), "UPSTREAM_UNAVAILABLE");
}

TEST_F(UpstreamTest, CallsAResultAgainstItsSchemaTheServicesError) {
    spec.output_schema = R"({"type":"object"})";
    start();
    answer(200, "[]");
    EXPECT_EQ(ended(), "UPSTREAM_ERROR");
    EXPECT_FALSE(heard.ends[0].error().ref.empty());
}

TEST_F(UpstreamTest, ChecksDataBeforeAnybodyIsAsked) {
    spec.input_schema = R"({"type":"object"})";
    start();
    EXPECT_EQ(ended(), "VALIDATION_FAILED");
    EXPECT_EQ(http.count(), 0U);
}

TEST_F(UpstreamTest, IsAbandonedWithItsExecutor) {
    {
        Executor mortal{wheel, shard, pool, random, log, clock, &http};
        register_action();
        ExecutionRequest request;
        request.action = registry.find("orders.create");
        mortal.start(std::move(request), std::make_unique<RecordingSink>(heard));
    }
    EXPECT_EQ(ended(), "SHUTTING_DOWN");
    EXPECT_TRUE(http.last().ended);
}

TEST(UpstreamActions, NameTheirFaults) {
    const auto faults = [](UpstreamSpec spec) {
        ActionRegistry registry;
        UpstreamOptions options;
        options.upstreams = {std::move(spec)};
        std::string all;
        for (const std::string& one : add_upstream_actions(registry, options)) all += one;
        return all;
    };
    EXPECT_EQ(faults({.name = "a.*", .url = "http://a/{*}"}), "");
    EXPECT_THAT(faults({.name = "a", .url = "a"}), HasSubstr("action \"a\": url must begin"));
    EXPECT_THAT(faults({.name = "a", .url = "http://a/{id}"}), HasSubstr("mode \"rest\""));
    EXPECT_THAT(faults({.name = "a", .url = "http://a/{*}"}), HasSubstr("no star"));
    EXPECT_THAT(faults({.name = "*", .url = "http://a/"}), HasSubstr("bad name"));
    EXPECT_THAT(faults({.name = "a*", .url = "http://a/"}), HasSubstr("bad name"));
    EXPECT_THAT(faults({.name = "a", .url = "http://a/", .input_schema = "["}),
                HasSubstr("input schema"));
}

class UpstreamReload : public ::testing::Test {
protected:
    static ActionRegistry with(const UpstreamSpec& spec, const ActionRegistry* before = nullptr) {
        ActionRegistry registry;
        UpstreamOptions options;
        options.upstreams = {spec};
        EXPECT_THAT(add_upstream_actions(registry, options, before), IsEmpty());
        return registry;
    }
    static Upstream* upstream_of(const ActionRegistry& registry) {
        return std::get<UpstreamHandler>(registry.find("a")->definition.handler).upstream.get();
    }
};

TEST_F(UpstreamReload, KeepsTheBreakerOfWhatIsTheSameAndEveryGate) {
    const ActionRegistry before = with({.name = "a", .url = "http://a/"});
    const ActionRegistry same = with({.name = "a", .url = "http://a/"}, &before);
    const ActionRegistry other = with({.name = "a", .url = "http://b/"}, &before);
    EXPECT_EQ(upstream_of(same), upstream_of(before));
    EXPECT_NE(upstream_of(other), upstream_of(before));
    EXPECT_EQ(same.find("a")->gate, before.find("a")->gate);
    EXPECT_EQ(other.find("a")->gate, before.find("a")->gate);
}

TEST(ActionRegistry, FindsTheActionWhoseBeginningIsLongest) {
    ActionRegistry registry;
    UpstreamOptions options;
    for (const char* name : {"a.*", "a.b.*", "a.b.exact"})
        options.upstreams.push_back({.name = name, .url = "http://a/"});
    ASSERT_THAT(add_upstream_actions(registry, options), IsEmpty());
    const auto found = [](const ActionRegistry& in, std::string_view name) {
        const Action* action = in.find(name);
        return action == nullptr ? "" : action->definition.name;
    };
    const ActionRegistry copy(registry);
    for (const ActionRegistry* in : {static_cast<const ActionRegistry*>(&registry), &copy}) {
        EXPECT_EQ(found(*in, "a.x"), "a.*");
        EXPECT_EQ(found(*in, "a.b.x"), "a.b.*");
        EXPECT_EQ(found(*in, "a.b.exact"), "a.b.exact");
        EXPECT_EQ(found(*in, "a.b.c.d"), "a.b.*");
        for (const std::string& none :
             {std::string("a."), std::string("a"), std::string("b.x"), std::string("a.*"),
              std::string("a../x"), std::string("a..b"), "a." + std::string(127, 'x')})
            EXPECT_EQ(found(*in, none), "") << none;
    }
}

}  // namespace
}  // namespace signalbox::actions
