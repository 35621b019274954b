#include "runtime/buffers.h"

#include <gtest/gtest.h>

namespace signalbox::runtime {
namespace {

constexpr std::size_t kOutput = 1000;

void fill(OutputBuffer& buffer, BufferPool& pool) {
    buffer.tail(pool).append(kOutput, 'x');
}

TEST(BufferPool, LendsTheMemoryOfDrainedOutputToTheNextOutput) {
    BufferPool pool;
    OutputBuffer first, second;
    fill(first, pool);
    first.consume(kOutput, pool);
    EXPECT_EQ(pool.spares(), 1U);
    EXPECT_GE(second.tail(pool).capacity(), kOutput);
    EXPECT_EQ(pool.spares(), 0U);
}

TEST(BufferPool, KeepsNeitherLargeBuffersNorMoreThanItsMaximum) {
    BufferPool pool;
    pool.give_back(std::make_unique<std::string>(BufferPool::kSpareBytesMax + 1, 'x'));
    EXPECT_EQ(pool.spares(), 0U);
    for (std::size_t i = 0; i < BufferPool::kSparesMax + 1; ++i)
        pool.give_back(std::make_unique<std::string>(kOutput, 'x'));
    EXPECT_EQ(pool.spares(), BufferPool::kSparesMax);
}

TEST(OutputBuffer, KeepsWhatIsAppendedBetweenPartialSends) {
    BufferPool pool;
    OutputBuffer buffer;
    buffer.tail(pool) += "hello ";
    buffer.consume(2, pool);
    buffer.tail(pool) += "world";
    EXPECT_EQ(buffer.view(), "llo world");
    buffer.clear(pool);
    EXPECT_TRUE(buffer.empty());
}

}  // namespace
}  // namespace signalbox::runtime
