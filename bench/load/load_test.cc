#include <gtest/gtest.h>

#include "load/frames.h"
#include "load/histogram.h"
#include "load/message.h"
#include "websocket/frame_decoder.h"
#include "websocket/frame_encoder.h"

namespace signalbox::bench {
namespace {

using websocket::Opcode;

TEST(Histogram, GivesQuantilesWithinItsPrecision) {
    Histogram histogram;
    EXPECT_EQ(histogram.quantile(0.5).count(), 0);
    for (int i = 1; i <= 1000; ++i) histogram.record(std::chrono::microseconds(i));
    const auto near = [&](double share, double expected) {
        EXPECT_NEAR(static_cast<double>(histogram.quantile(share).count()), expected,
                    expected / 32);
    };
    near(0.5, 500'000);
    near(0.99, 990'000);
    near(1, 1'000'000);
}

TEST(Histogram, CountsWhatIsBeyondItsRangeInItsLastBucket) {
    Histogram histogram;
    histogram.record(std::chrono::hours(1000));
    histogram.record(Nanoseconds(-1));
    EXPECT_EQ(histogram.count(), 2U);
    EXPECT_EQ(histogram.quantile(0.5).count(), 0);
}

TEST(ClientFrames, AreReadByTheServersDecoder) {
    for (const std::size_t size : {0, 1, 7, 8, 125, 126, 65535, 65536}) {
        std::string bytes;
        const std::string payload(size, 'x');
        append_client_frame(bytes, Opcode::kText, payload);
        websocket::FrameDecoder decoder(1 << 20);
        std::span<char> input(bytes);
        const auto event = decoder.next(input);
        ASSERT_TRUE(event.has_value());
        EXPECT_EQ(event->payload, payload);
        EXPECT_TRUE(input.empty());
    }
}

TEST(FrameReader, JoinsFramesThatAreCutAnywhere) {
    std::string bytes;
    websocket::append_frame(bytes, Opcode::kText, "hello");
    websocket::append_frame(bytes, Opcode::kText, std::string(300, 'y'));
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        FrameReader reader;
        std::vector<std::string> got;
        std::string halves[] = {bytes.substr(0, cut), bytes.substr(cut)};
        for (std::string& half : halves) {
            reader.begin(half);
            while (const auto frame = reader.next()) got.emplace_back(frame->payload);
            reader.end();
        }
        EXPECT_EQ(got, (std::vector<std::string>{"hello", std::string(300, 'y')}));
    }
}

TEST(Deflate, InflatesWhatItDeflates) {
    Deflate deflate;
    const std::string text(5000, 'z');
    for (int i = 0; i < 2; ++i) {
        std::string bytes;
        deflate.append_client_frame(bytes, text);
        EXPECT_LT(bytes.size(), 100U);
        // The mask is known: unmasking is masking again.
        std::string payload = bytes.substr(6);
        std::string masked;
        append_client_frame(masked, Opcode::kText, payload);
        EXPECT_EQ(deflate.inflate(std::string_view(masked).substr(6)), text);
    }
}

TEST(Arrival, IsReadFromEscapedAndPlainEnvelopes) {
    for (const Dialect dialect : {Dialect::kSocketio, Dialect::kWebsocket, Dialect::kFloor}) {
        MessageTemplate request = action_request({.dialect = dialect, .data_bytes = 29});
        const Arrival arrival = read_arrival(request.stamped(1234));
        EXPECT_EQ(arrival.kind, Arrival::Kind::kAnswer);
        EXPECT_EQ(arrival.id, 1234U);
    }
    EXPECT_EQ(
        read_arrival(R"(42["message","{\"type\":\"UPDATE\",\"requestId\":\"system-x\"}"])").kind,
        Arrival::Kind::kOther);
    EXPECT_EQ(read_arrival(R"({"type":"ERROR","requestId":"r000000000001"})").kind,
              Arrival::Kind::kProblem);
    MessageTemplate update = publish_request(Dialect::kFloor, "c");
    EXPECT_EQ(read_arrival(update.stamped(7)).kind, Arrival::Kind::kUpdate);
}

TEST(MessageTemplate, MakesARequestOfAboutTheSizeThatIsMeasured) {
    EXPECT_NEAR(
        static_cast<double>(action_request({.dialect = Dialect::kWebsocket}).stamped(0).size()),
        110, 12);
}

}  // namespace
}  // namespace signalbox::bench
