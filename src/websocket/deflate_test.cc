#include "websocket/deflate.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace signalbox::websocket {
namespace {

using namespace std::string_literals;

constexpr std::size_t kMax = 1'000'000;

std::string random_bytes(std::size_t size) {
    SeededRandom random(7);
    std::string bytes(size, '\0');
    random.fill(std::as_writable_bytes(std::span(bytes)));
    return bytes;
}

std::string prose(std::size_t size) {
    std::string text;
    for (int i = 0; text.size() < size; ++i)
        text += "line " + std::to_string(i * 7919) + " of it; ";
    text.resize(size);
    return text;
}

struct Inflated {
    std::string text;
    std::optional<InflateError> error;
};

Inflated inflate(std::string_view bytes, std::size_t max = kMax, std::size_t step = SIZE_MAX) {
    Inflater inflater;
    Inflated outcome;
    while (!bytes.empty()) {
        const auto fed = inflater.feed(bytes.substr(0, step), outcome.text, max);
        if (!fed) outcome.error = fed.error();
        if (!fed) return outcome;
        bytes.remove_prefix(std::min(step, bytes.size()));
    }
    if (const auto done = inflater.finish(outcome.text, max); !done) outcome.error = done.error();
    return outcome;
}

TEST(Inflater, ReadsTheExamplesOfTheSpecification) {
    const std::pair<const char*, std::string> examples[] = {
        {"7.2.3.1", "\xf2\x48\xcd\xc9\xc9\x07\x00"s},
        {"7.2.3.3", "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"s},
        {"7.2.3.4", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s},
        {"7.2.3.5", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s},
    };
    for (const auto& [section, bytes] : examples) {
        EXPECT_EQ(inflate(bytes).text, "Hello") << section;
        EXPECT_EQ(inflate(bytes).error, std::nullopt) << section;
        EXPECT_EQ(inflate(bytes, kMax, 1).text, "Hello") << section << ", byte by byte";
        EXPECT_EQ(inflate(bytes, kMax, 1).error, std::nullopt) << section << ", byte by byte";
    }
    EXPECT_EQ(inflate("\0"s).text, "") << "7.2.3.6";
    EXPECT_EQ(inflate("\0"s).error, std::nullopt);
}

TEST(Inflater, RefusesWhatIsNoStreamOrEndsInsideABlock) {
    for (const std::string& bytes :
         {""s, "\xff"s, "\x06"s, "\xf2\x48\xcd"s, "\xf2\x48\xcd\xc9\xc9\x07"s,
          "\xf3\x48\xcd\xc9\xc9\x07\x00"s, "\x00\x05\x00\x00\x00Hello\x00"s, random_bytes(100)}) {
        EXPECT_EQ(inflate(bytes).error, InflateError::kCorrupt) << ::testing::PrintToString(bytes);
        EXPECT_EQ(inflate(bytes, kMax, 1).error, InflateError::kCorrupt);
    }
}

TEST(Inflater, BoundsWhatItInflatesTo) {
    MessageDeflater deflater;
    const std::string bomb(kMax + 1, 'x');
    const std::string deflated(deflater.deflate(bomb, 15));
    EXPECT_LT(deflated.size(), 5000U);
    for (const std::size_t step : {1UL, 7UL, SIZE_MAX}) {
        EXPECT_EQ(inflate(deflated, kMax, step).error, InflateError::kTooBig);
        EXPECT_EQ(inflate(deflated, kMax, step).text.size(), kMax + 1);
        EXPECT_EQ(inflate(deflated, kMax + 1, step).text, bomb);
        EXPECT_EQ(inflate(deflated, 0, step).error, InflateError::kTooBig);
    }
}

TEST(Inflater, StartsAfreshAfterAReset) {
    Inflater inflater;
    std::string text;
    EXPECT_FALSE(inflater.feed("\xff\xff", text, kMax));
    inflater.reset();
    text.clear();
    EXPECT_TRUE(inflater.feed("\xf2\x48\xcd\xc9\xc9\x07\x00"s, text, kMax));
    EXPECT_TRUE(inflater.finish(text, kMax));
    EXPECT_EQ(text, "Hello");
}

TEST(InflaterPool, LendsSparesAgainAndKeepsFew) {
    InflaterPool pool;
    std::vector<std::unique_ptr<Inflater>> lent;
    for (std::size_t i = 0; i < InflaterPool::kSparesMax + 2; ++i) lent.push_back(pool.take());
    EXPECT_EQ(pool.spares(), 0U);
    std::string text;
    EXPECT_TRUE(lent[0]->feed("\xf2\x48", text, kMax)) << "given back in the middle of a message";
    const Inflater* first = lent[0].get();
    pool.give_back(std::move(lent[0]));
    EXPECT_EQ(pool.take().get(), first);
    for (std::size_t i = 1; i < lent.size(); ++i) pool.give_back(std::move(lent[i]));
    EXPECT_EQ(pool.spares(), InflaterPool::kSparesMax);
}

TEST(MessageDeflater, RoundTripsInEveryWindowSize) {
    MessageDeflater deflater;
    for (std::uint8_t bits = 9; bits <= 15; ++bits) {
        for (const std::size_t size : {40UL, 1023UL, 1024UL, 65535UL, 65536UL, 300'000UL}) {
            const std::string message = prose(size);
            const std::string_view deflated = deflater.deflate(message, bits);
            ASSERT_FALSE(deflated.empty()) << size;
            EXPECT_LT(deflated.size(), message.size());
            EXPECT_EQ(inflate(deflated).text, message) << int{bits} << ' ' << size;
            EXPECT_EQ(inflate(deflated, kMax, 1).text, message) << int{bits} << ' ' << size;
        }
    }
}

TEST(MessageDeflater, KeepsToTheWindow) {
    // The only repetition lies 1000 bytes back: a window of 512 bytes cannot use it.
    const std::string half = random_bytes(1000);
    MessageDeflater deflater;
    EXPECT_LT(deflater.deflate(half + half, 15).size(), 1100U);
    EXPECT_TRUE(deflater.deflate(half + half, 9).empty());
}

TEST(MessageDeflater, SaysWhenAMessageDoesNotGetShorter) {
    MessageDeflater deflater;
    for (const std::string& message : {""s, "a"s, "Hello"s, random_bytes(5000)}) {
        EXPECT_TRUE(deflater.deflate(message, 15).empty());
        EXPECT_TRUE(deflater.deflate(message, 15).empty()) << "remembered";
    }
    EXPECT_EQ(deflater.deflated(), 4U);
    for (std::size_t size = 0; size < 200; ++size) {
        EXPECT_TRUE(deflater.deflate(random_bytes(size), 15).empty()) << size;
    }
}

TEST(MessageDeflater, DeflatesAMessageToManyOnceForEachWindow) {
    MessageDeflater deflater;
    const std::string strings = prose(2000), objects = prose(3000);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(inflate(deflater.deflate(strings, 15)).text, strings);
        EXPECT_EQ(inflate(deflater.deflate(objects, 15)).text, objects);
        EXPECT_EQ(inflate(deflater.deflate(strings, 10)).text, strings);
    }
    EXPECT_EQ(deflater.deflated(), 3U);
    deflater.forget();
    EXPECT_EQ(inflate(deflater.deflate(strings, 15)).text, strings);
    EXPECT_EQ(deflater.deflated(), 4U);
}

TEST(MessageDeflater, RemembersFewMessages) {
    MessageDeflater deflater;
    for (std::size_t i = 0; i <= MessageDeflater::kRememberedMax; ++i) {
        EXPECT_FALSE(deflater.deflate(prose(1000 + i), 15).empty());
    }
    const std::uint64_t before = deflater.deflated();
    EXPECT_EQ(inflate(deflater.deflate(prose(1001), 15)).text, prose(1001));
    EXPECT_EQ(deflater.deflated(), before) << "still known";
    EXPECT_EQ(inflate(deflater.deflate(prose(1000), 15)).text, prose(1000));
    EXPECT_EQ(deflater.deflated(), before + 1) << "the oldest was forgotten";
}

}  // namespace
}  // namespace signalbox::websocket
