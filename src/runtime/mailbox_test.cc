#include "runtime/mailbox.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace signalbox::runtime {
namespace {

Task nothing() {
    return [] {};
}

std::size_t drain(Mailbox& mailbox, std::size_t max = 1000) {
    std::vector<Task> out;
    mailbox.take(out, max);
    for (Task& task : out) task();
    return out.size();
}

TEST(Mailbox, RefusesAtItsBoundAndTakesAgainAfterADrain) {
    Mailbox mailbox(2);
    Task a = nothing(), b = nothing(), c = nothing();
    EXPECT_EQ(mailbox.try_push(a), Mailbox::Admission::kQuietly);
    EXPECT_EQ(mailbox.try_push(b), Mailbox::Admission::kQuietly);
    EXPECT_EQ(mailbox.try_push(c), Mailbox::Admission::kRefused);
    EXPECT_TRUE(static_cast<bool>(c)) << "a refused task stays with its owner";
    EXPECT_EQ(drain(mailbox), 2U);
    EXPECT_EQ(mailbox.try_push(c), Mailbox::Admission::kQuietly);
}

TEST(Mailbox, CountsCreditsAgainstTheBound) {
    Mailbox mailbox(2);
    EXPECT_TRUE(mailbox.try_reserve());
    EXPECT_TRUE(mailbox.try_reserve());
    EXPECT_FALSE(mailbox.try_reserve());
    Task refused = nothing();
    EXPECT_EQ(mailbox.try_push(refused), Mailbox::Admission::kRefused);
    mailbox.release();
    (void)mailbox.push_reserved(nothing());
    EXPECT_TRUE(mailbox.try_reserve()) << "one task waits, no credit is out";
    EXPECT_FALSE(mailbox.try_reserve());
}

TEST(Mailbox, TakesAnswersBeyondTheBound) {
    Mailbox mailbox(1);
    for (int i = 0; i < 3; ++i) (void)mailbox.push(nothing());
    EXPECT_EQ(drain(mailbox), 3U);
}

TEST(Mailbox, HandsOutOldestFirstAndAtMostTheBatch) {
    Mailbox mailbox(10);
    std::vector<int> ran;
    for (int i = 0; i < 5; ++i) (void)mailbox.push([&ran, i] { ran.push_back(i); });
    EXPECT_EQ(drain(mailbox, 3), 3U);
    EXPECT_FALSE(mailbox.prepare_sleep());
    EXPECT_EQ(drain(mailbox, 3), 2U);
    EXPECT_EQ(ran, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(Mailbox, WakesOnceASleep) {
    Mailbox mailbox(10);
    EXPECT_EQ(mailbox.push(nothing()), Mailbox::Posted::kQuietly);
    drain(mailbox);
    ASSERT_TRUE(mailbox.prepare_sleep());
    EXPECT_EQ(mailbox.push(nothing()), Mailbox::Posted::kWake);
    EXPECT_EQ(mailbox.push(nothing()), Mailbox::Posted::kQuietly);
}

TEST(Mailbox, DestroysWhatWaitsAndWhatComesAfterItsClose) {
    Mailbox mailbox(10);
    auto held = std::make_shared<int>(1);
    (void)mailbox.push([held] {});
    mailbox.close();
    EXPECT_EQ(held.use_count(), 1);
    (void)mailbox.push([held] {});
    EXPECT_EQ(held.use_count(), 1);
    Task late = nothing();
    EXPECT_EQ(mailbox.try_push(late), Mailbox::Admission::kRefused);
}

}  // namespace
}  // namespace signalbox::runtime
