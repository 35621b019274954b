#include "runtime/buffers.h"

#include <gtest/gtest.h>

namespace signalbox::runtime {
namespace {

constexpr std::size_t kOutput = 1000;
constexpr OutputPieces kOne{"1", "one", "."}, kTwo{"2", "two", ""};

void fill(OutputBuffer& buffer, BufferPool& pool) {
    buffer.tail(pool).append(kOutput, 'x');
}

bool share(const OutputBuffer& a, const OutputBuffer& b) {
    return a.view().data() == b.view().data();
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
    const auto give_back = [&](std::size_t bytes) {
        const OutputBlockPtr block(new OutputBlock);
        block->bytes.assign(bytes, 'x');
        return block;
    };
    pool.give_back(give_back(BufferPool::kSpareBytesMax + 1));
    EXPECT_EQ(pool.spares(), 0U);
    for (std::size_t i = 0; i < BufferPool::kSparesMax + 1; ++i) pool.give_back(give_back(kOutput));
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

TEST(OutputBuffer, SharesWhatSeveralAppendAlike) {
    BufferPool pool;
    std::array<OutputBuffer, 3> buffers;
    for (const OutputPieces& pieces : {kOne, kTwo}) {
        for (OutputBuffer& buffer : buffers) buffer.append(pieces, pool);
    }
    for (const OutputBuffer& buffer : buffers) {
        EXPECT_EQ(buffer.view(), "1one.2two");
        EXPECT_TRUE(share(buffer, buffers[0]));
    }
}

TEST(OutputBuffer, SharesTheSameBytesOnlyWhereTheyFollowTheSame) {
    BufferPool pool;
    OutputBuffer empty, started, partly, whole;
    started.tail(pool) = "before ";
    partly.tail(pool) = "1";
    partly.append(kTwo, pool);
    partly.consume(1, pool);
    for (OutputBuffer* buffer : {&empty, &started, &partly, &whole}) buffer->append(kOne, pool);
    EXPECT_EQ(empty.view(), "1one.");
    EXPECT_EQ(started.view(), "before 1one.");
    EXPECT_EQ(partly.view(), "2two1one.");
    EXPECT_EQ(whole.view(), "1one.");
}

TEST(OutputBuffer, ChangesNothingForTheOthersThatItSharedWith) {
    BufferPool pool;
    OutputBuffer first, second, third;
    for (OutputBuffer* buffer : {&first, &second, &third}) buffer->append(kOne, pool);
    first.append(kTwo, pool);
    second.tail(pool) += "tail";
    third.consume(2, pool);
    third.append(kTwo, pool);
    EXPECT_EQ(first.view(), "1one.2two");
    EXPECT_EQ(second.view(), "1one.tail");
    EXPECT_EQ(third.view(), "ne.2two");
    EXPECT_EQ(first.view(), "1one.2two");
}

TEST(OutputBuffer, DoesNotTakeALaterAppendForWhatItRemembers) {
    BufferPool pool;
    OutputBuffer first, second;
    first.append(kOne, pool);
    first.append(kTwo, pool);  // in place: nobody shares it
    second.append(kOne, pool);
    EXPECT_EQ(first.view(), "1one.2two");
    EXPECT_EQ(second.view(), "1one.");
    EXPECT_FALSE(share(first, second));
}

TEST(OutputBuffer, CutsALongFrontOffWithoutTouchingTheOthers) {
    BufferPool pool;
    const std::string body(100 * 1024, 'b');
    OutputBuffer first, second;
    for (OutputBuffer* buffer : {&first, &second}) buffer->append({"", body, "end"}, pool);
    first.consume(70 * 1024, pool);
    EXPECT_EQ(first.size(), 30U * 1024 + 3);
    EXPECT_EQ(second.view(), body + "end");
    pool.forget();
    second.clear(pool);
    first.consume(1, pool);
    EXPECT_EQ(first.view(), body.substr(70 * 1024 + 1) + "end");
}

TEST(OutputBuffer, AppendsInPlaceOnceItIsLarge) {
    BufferPool pool;
    const std::string body(OutputBuffer::kSharedBytesMax, 'b');
    OutputBuffer first, second;
    for (const std::string_view more : {std::string_view(body), std::string_view("1"),
                                        std::string_view("2"), std::string_view("3")}) {
        for (OutputBuffer* buffer : {&first, &second}) buffer->append({"", more, ""}, pool);
    }
    EXPECT_FALSE(share(first, second));
    first.append(kOne, pool);
    EXPECT_EQ(first.view(), body + "1231one.");
    EXPECT_EQ(second.view(), body + "123");
}

TEST(OutputBuffer, SpendsOneBlockOnABroadcastAndKeepsItForTheNext) {
    BufferPool pool;
    std::array<OutputBuffer, 100> buffers;
    for (OutputBuffer& buffer : buffers) buffer.append(kOne, pool);
    for (OutputBuffer& buffer : buffers) buffer.clear(pool);
    EXPECT_EQ(pool.spares(), 0U) << "remembered";
    pool.forget();
    EXPECT_EQ(pool.spares(), 1U);
}

TEST(OutputBuffer, PartsFromWhatItShares) {
    BufferPool pool;
    OutputBuffer first, second;
    for (OutputBuffer* buffer : {&first, &second}) buffer->append(kOne, pool);
    first.part(pool);
    EXPECT_FALSE(share(first, second));
    EXPECT_EQ(first.view(), second.view());
}

}  // namespace
}  // namespace signalbox::runtime
