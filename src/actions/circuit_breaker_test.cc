#include "actions/circuit_breaker.h"

#include <gtest/gtest.h>

namespace signalbox::actions {
namespace {

class CircuitBreakerTest : public testing::Test {
protected:
    void fail_once() {
        auto pass = breaker.enter(now);
        ASSERT_TRUE(pass.has_value());
        pass->fail(now);
    }
    void open() {
        for (int i = 0; i < 3; ++i) fail_once();
    }
    /// How long one has to wait; 0 when it is let in, and then nothing is told of its end.
    Milliseconds wait() {
        const auto pass = breaker.enter(now);
        return pass ? Milliseconds(0) : pass.error();
    }

    MonotonicTime now{std::chrono::hours(1)};
    CircuitBreaker breaker{{.failures_max = 3, .pause = Milliseconds(1'000)}};
};

TEST_F(CircuitBreakerTest, OpensAfterFailuresInARow) {
    fail_once();
    fail_once();
    breaker.enter(now)->succeed();
    fail_once();
    fail_once();
    EXPECT_EQ(wait(), Milliseconds(0));
    fail_once();
    EXPECT_EQ(wait(), Milliseconds(1'000));
    now += Milliseconds(600);
    EXPECT_EQ(wait(), Milliseconds(400));
}

TEST_F(CircuitBreakerTest, LetsOneTryWhenThePauseIsOver) {
    open();
    now += Milliseconds(1'000);
    auto probe = breaker.enter(now);
    ASSERT_TRUE(probe.has_value());
    EXPECT_GT(wait(), Milliseconds(0));
    probe->succeed();
    EXPECT_EQ(wait(), Milliseconds(0));
    fail_once();
    EXPECT_EQ(wait(), Milliseconds(0));
}

TEST_F(CircuitBreakerTest, OpensAgainWhenTheTryFails) {
    open();
    now += Milliseconds(1'000);
    breaker.enter(now)->fail(now);
    EXPECT_EQ(wait(), Milliseconds(1'000));
    now += Milliseconds(1'000);
    breaker.enter(now)->succeed();
    EXPECT_EQ(wait(), Milliseconds(0));
}

TEST_F(CircuitBreakerTest, LetsAnotherTryWhenTheFirstWasGivenUp) {
    open();
    now += Milliseconds(1'000);
    {
        const auto given_up = breaker.enter(now);
    }
    auto probe = breaker.enter(now);
    ASSERT_TRUE(probe.has_value());
    EXPECT_GT(wait(), Milliseconds(0));
    probe->succeed();
}

TEST_F(CircuitBreakerTest, DoesNotCloseForWhoCameBeforeItOpened) {
    auto early = breaker.enter(now);
    open();
    early->succeed();
    EXPECT_EQ(wait(), Milliseconds(1'000));
}

TEST(CircuitBreaker, NeverOpensWhenItIsSwitchedOff) {
    CircuitBreaker off({.failures_max = 0});
    const MonotonicTime now{std::chrono::hours(1)};
    for (int i = 0; i < 100; ++i) off.enter(now)->fail(now);
    EXPECT_TRUE(off.enter(now).has_value());
}

}  // namespace
}  // namespace signalbox::actions
