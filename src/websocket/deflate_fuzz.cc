// Any message survives being deflated; any bytes inflate to the same whole and in pieces, and to no
// more than the maximum. Input: a byte that picks the window, cuts, a message or a DEFLATE stream.
#include <string>

#include "base/check.h"
#include "base/fuzz_input.h"
#include "websocket/deflate.h"

namespace signalbox::websocket {
namespace {

constexpr std::size_t kMax = 100'000;

struct Inflated {
    std::string text;
    Inflater::Result result;
    friend bool operator==(const Inflated& a, const Inflated& b) {
        return a.text == b.text && a.result == b.result;
    }
};

/// @param next_piece  takes a piece from the front of what it is given
template <class NextPiece>
Inflated inflate(std::string_view bytes, NextPiece next_piece) {
    Inflater inflater;
    Inflated out;
    while (!bytes.empty() && out.result) {
        out.result = inflater.feed(next_piece(bytes), out.text, kMax);
    }
    if (out.result) out.result = inflater.finish(out.text, kMax);
    SB_CHECK(out.text.size() <= kMax + (out.result ? 0 : 1));
    return out;
}

std::string_view all_of(std::string_view& bytes) {
    return std::exchange(bytes, {});
}

}  // namespace
}  // namespace signalbox::websocket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace signalbox::websocket;
    signalbox::fuzz::Input input(data, size);
    const auto window_bits = static_cast<std::uint8_t>(9 + input.byte() % 7);
    auto cuts = input.cuts();
    const auto in_pieces = [&](std::string_view& bytes) { return cuts.next_piece(bytes); };

    SB_CHECK(inflate(input.rest(), all_of) == inflate(input.rest(), in_pieces));

    static MessageDeflater deflater;
    const std::string deflated(deflater.deflate(input.rest(), window_bits));
    if (deflated.empty() || input.rest().size() > kMax) return 0;
    SB_CHECK(deflated.size() < input.rest().size());
    SB_CHECK(inflate(deflated, in_pieces).text == input.rest());
    return 0;
}
