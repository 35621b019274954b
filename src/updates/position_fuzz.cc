// An offset that parses is written back as the same text; one that is made of any numbers and any
// epoch is parsed as what it was. Input: an offset's text; once more as bytes of numbers and epoch.
#include "updates/position.h"

#include "base/check.h"
#include "base/fuzz_input.h"

namespace signalbox::updates {
namespace {

void check_same(const Offset& one, const Offset& other) {
    SB_CHECK(one.epoch == other.epoch && one.number == other.number);
    SB_CHECK(one.private_number == other.private_number);
}

void check_text(std::string_view text) {
    const auto offset = parse_offset(text);
    if (!offset) return;
    SB_CHECK(!offset->epoch.empty());
    const std::string written = offset_text(*offset);
    SB_CHECK(written == text);
    const auto again = parse_offset(written);
    SB_CHECK(again);
    check_same(*offset, *again);
}

std::uint64_t number_from(fuzz::Input& input) {
    std::uint64_t number = 0;
    for (std::size_t bytes = input.byte() % 9; bytes > 0; --bytes)
        number = (number << 8U) | input.byte();
    return number;
}

void check_made(fuzz::Input input) {
    Offset offset;
    offset.number = number_from(input);
    if (input.byte() % 2 == 1) offset.private_number = number_from(input);
    offset.epoch = input.rest();
    if (offset.epoch.empty()) return;
    const std::string written = offset_text(offset);
    const auto parsed = parse_offset(written);
    SB_CHECK(parsed);
    check_same(offset, *parsed);
}

}  // namespace
}  // namespace signalbox::updates

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const signalbox::fuzz::Input input(data, size);
    signalbox::updates::check_text(input.rest());
    signalbox::updates::check_made(input);
    return 0;
}
