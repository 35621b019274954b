// Frames decoded whole and in pieces must give the same events, with and without compression, and
// nothing may be kept between messages. Input: a byte of options, cuts, frames.
#include <string>

#include "base/check.h"
#include "base/fuzz_input.h"
#include "websocket/frame_decoder.h"

namespace signalbox::websocket {
namespace {

constexpr std::size_t kMaxima[] = {100, 1000, 70'000, 1'000'000};

class Session {
public:
    explicit Session(std::uint8_t options)
        : message_bytes_max_(kMaxima[options >> 1 & 3]),
          decoder_(message_bytes_max_, (options & 1) != 0 ? &inflaters_ : nullptr) {}

    void feed(std::string_view piece) {
        std::string bytes(piece);
        std::span<char> input(bytes);
        while (true) {
            const auto event = decoder_.next(input);
            SB_CHECK(decoder_.buffered_bytes() <= message_bytes_max_ + kControlPayloadMax);
            if (!event) {
                error_ = to_string(event.error());
                return;
            }
            if (event->kind == FrameEvent::Kind::kNeedMore) return;
            note(*event);
        }
    }

    [[nodiscard]] std::string transcript() const { return events_ + error_; }
    [[nodiscard]] bool failed() const { return !error_.empty(); }

private:
    void note(const FrameEvent& event) {
        const bool message =
            event.kind == FrameEvent::Kind::kText || event.kind == FrameEvent::Kind::kBinary;
        SB_CHECK(event.payload.size() <= (message ? message_bytes_max_ : kControlPayloadMax));
        SB_CHECK(event.kind != FrameEvent::Kind::kText || is_valid_utf8(event.payload));
        events_ += static_cast<char>('0' + static_cast<int>(event.kind));
        events_ += std::to_string(static_cast<int>(event.close_code)) + ' ';
        events_ += std::to_string(event.payload.size()) + ' ';
        events_ += event.payload;
    }

    std::size_t message_bytes_max_;
    InflaterPool inflaters_;
    FrameDecoder decoder_;
    std::string events_;
    std::string error_;
};

}  // namespace
}  // namespace signalbox::websocket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using signalbox::websocket::Session;
    signalbox::fuzz::Input input(data, size);
    const std::uint8_t options = input.byte();
    auto cuts = input.cuts();
    Session whole(options);
    whole.feed(input.rest());
    Session cut(options);
    for (std::string_view rest = input.rest(); !rest.empty() && !cut.failed();) {
        cut.feed(cuts.next_piece(rest));
    }
    SB_CHECK(cut.transcript() == whole.transcript());
    return 0;
}
