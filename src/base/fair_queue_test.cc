#include "base/fair_queue.h"

#include <gtest/gtest.h>

#include <memory>

namespace signalbox {
namespace {

using Item = std::unique_ptr<int>;

class FairQueueTest : public ::testing::Test {
protected:
    /// @return what made room, or 0.
    int push(const std::string& source, int item) {
        const auto dropped = queue.push(source, std::make_unique<int>(item));
        return dropped ? **dropped : 0;
    }
    int pop() {
        const auto item = queue.pop();
        return item ? **item : 0;
    }
    FairQueue<Item> queue{4};
};

TEST_F(FairQueueTest, TakesOneOfEachSourceInTurn) {
    push("a", 1), push("a", 2), push("a", 3), push("b", 11);
    EXPECT_EQ(pop(), 1);
    EXPECT_EQ(pop(), 11);
    EXPECT_EQ(pop(), 2);
    push("c", 21);
    EXPECT_EQ(pop(), 3);
    EXPECT_EQ(pop(), 21);
    EXPECT_EQ(pop(), 0);
    EXPECT_EQ(queue.size(), 0U);
}

TEST_F(FairQueueTest, TurnsAwayTheSourceThatHasMost) {
    for (int i = 1; i <= 4; ++i) EXPECT_EQ(push("a", i), 0);
    EXPECT_EQ(push("a", 5), 5);
    EXPECT_EQ(push("b", 11), 4);
    EXPECT_EQ(push("b", 12), 3);
    EXPECT_EQ(push("b", 13), 13);
    EXPECT_EQ(push("c", 21), 2);
    EXPECT_EQ(push("d", 31), 12);
    EXPECT_EQ(push("e", 41), 1);
    EXPECT_EQ(queue.size(), 4U);
    EXPECT_EQ(pop(), 11);
    EXPECT_EQ(pop(), 21);
    EXPECT_EQ(pop(), 31);
    EXPECT_EQ(pop(), 41);
}

}  // namespace
}  // namespace signalbox
