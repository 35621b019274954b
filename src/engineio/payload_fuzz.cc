// The packets of a payload survive being written and read again, in each form of payloads. Input:
// the body of a POST.
#include <string>
#include <vector>

#include "base/check.h"
#include "base/fuzz_input.h"
#include "base/utf8.h"
#include "engineio/payload.h"

namespace signalbox::engineio {
namespace {

/// Writes the packets of `body`, up to the first error, as a payload of its own.
std::string rewrite(PayloadFormat format, std::string_view body, std::size_t& packets) {
    PayloadReader reader(format, body);
    std::string out;
    for (packets = 0;; ++packets) {
        const auto packet = reader.next();
        if (!packet || !*packet) return out;
        const Packet& read = **packet;
        SB_CHECK(format != PayloadFormat::kV4 || read.kind == MessageKind::kText ||
                 read.type == PacketType::kMessage);
        SB_CHECK(read.kind == MessageKind::kBinary || is_valid_utf8(read.data));
        SB_CHECK(read.data.size() <= body.size());
        append_to_payload(out, format, read);
    }
}

void check(PayloadFormat format, std::string_view body) {
    std::size_t packets = 0, again = 0;
    const std::string written = rewrite(format, body, packets);
    if (packets > 0) SB_CHECK(rewrite(format, written, again) == written && again == packets);
}

}  // namespace
}  // namespace signalbox::engineio

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace signalbox::engineio;
    signalbox::fuzz::Input input(data, size);
    const std::string_view body = input.rest();
    check(PayloadFormat::kV4, body);
    check(PayloadFormat::kV3Text, body);
    check(PayloadFormat::kV3Binary, body);
    return 0;
}
