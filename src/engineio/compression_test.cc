#include "engineio/compression.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/random.h"

namespace signalbox::engineio {
namespace {

std::string accepted(std::optional<std::string_view> header) {
    const AcceptedCoding coding = accepted_coding(header);
    return std::string(to_string(coding.preferred)) + (coding.refuses_identity ? " only" : "");
}

TEST(AcceptedCoding, IsIdentityUnlessTheClientAsks) {
    EXPECT_EQ(accepted(std::nullopt), "identity");
    for (const char* header :
         {"", " ", ",", "identity", "br", "br, zstd", "gzip;q=0", "gzip;q=0, deflate;q=0.000",
          "*;q=0", "identity;q=0", "gzipped", "gzip;q=0,identity;q=0"}) {
        EXPECT_EQ(accepted(header), "identity") << header;
    }
}

TEST(AcceptedCoding, IsWhatTheClientWeighsHighest) {
    for (const char* header : {"gzip", "GZip", "x-gzip", "gzip, deflate", "deflate, gzip, br",
                               "gzip;q=0.5, deflate;q=0.5", "*", "gzip;q=0.001", " gzip ; q=1.000 ",
                               "deflate;q=0.2,gzip;q=0.3", "gzip;foo=bar", "deflate;q=0,*"}) {
        EXPECT_EQ(accepted(header), "gzip") << header;
    }
    for (const char* header : {"deflate", "gzip;q=0.8, deflate", "gzip;q=0, deflate;q=0.1",
                               "gzip;q=0,*;q=0.5", "gzip;Q=0.9,deflate;q=0.95"}) {
        EXPECT_EQ(accepted(header), "deflate") << header;
    }
    EXPECT_EQ(accepted("identity;q=0.6, gzip;q=0.5"), "identity");
    EXPECT_EQ(accepted("identity;q=0.5, gzip;q=0.6"), "gzip");
}

TEST(AcceptedCoding, TakesABrokenWeightForARefusal) {
    for (const char* weight : {"x", "", "1.", "0.12345", "-1", "01", " ", "0x1"}) {
        const std::string header = std::string("gzip;q=") + weight;
        EXPECT_EQ(accepted(header), weight == std::string("1.") ? "gzip" : "identity") << header;
    }
    EXPECT_EQ(accepted("gzip;q=9.999, deflate"), "gzip");
}

TEST(AcceptedCoding, KnowsWhenIdentityIsRefused) {
    EXPECT_EQ(accepted("gzip, identity;q=0"), "gzip only");
    EXPECT_EQ(accepted("deflate, *;q=0"), "deflate only");
    EXPECT_EQ(accepted("gzip, *;q=0, identity;q=0.1"), "gzip");
    EXPECT_EQ(accepted("gzip, *"), "gzip");
}

std::string decompressed(std::string_view body, int window_bits) {
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, window_bits), Z_OK);
    std::string out(100'000, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    stream.avail_in = static_cast<uInt>(body.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

TEST(BodyCompressor, MakesGzipAndZlibStreamsInAnyOrder) {
    BodyCompressor compressor;
    const std::string text(5000, 'x');
    for (int i = 0; i < 2; ++i) {
        for (int j = 0; j < 2; ++j) {
            const auto gzip = compressor.compress(ContentCoding::kGzip, text, 1000);
            ASSERT_TRUE(gzip);
            EXPECT_LT(gzip->size(), 100U);
            EXPECT_EQ(decompressed(*gzip, 15 + 16), text);
        }
        const auto deflated = compressor.compress(ContentCoding::kDeflate, text + "y", 1000);
        ASSERT_TRUE(deflated);
        EXPECT_EQ(decompressed(*deflated, 15), text + "y");
    }
}

TEST(BodyCompressor, GivesUpWhenTheResultIsLongerThanAllowed) {
    BodyCompressor compressor;
    std::string noise(2000, '\0');
    SeededRandom random(1);
    random.fill(std::as_writable_bytes(std::span(noise)));
    EXPECT_FALSE(compressor.compress(ContentCoding::kGzip, noise, noise.size() - 1));
    const auto longer = compressor.compress(ContentCoding::kGzip, noise, 3000);
    ASSERT_TRUE(longer);
    EXPECT_GT(longer->size(), noise.size());
    EXPECT_EQ(decompressed(*longer, 15 + 16), noise);
    const auto exact = compressor.compress(ContentCoding::kGzip, noise, longer->size());
    EXPECT_EQ(exact, longer);
    EXPECT_FALSE(compressor.compress(ContentCoding::kGzip, noise, longer->size() - 1));
}

}  // namespace
}  // namespace signalbox::engineio
