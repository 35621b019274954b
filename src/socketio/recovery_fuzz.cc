// A claim read out of a CONNECT is within bounds and survives being written again; whatever the
// arguments of an event, the offset that we append is what its client takes for one. Input: the
// JSON of a CONNECT's payload or of an EVENT's array.
#include "socketio/recovery.h"

#include "base/check.h"
#include "base/fuzz_input.h"
#include "socketio/packet.h"

namespace signalbox::socketio {
namespace {

constexpr std::string_view kOffset = "17.4";

void check_claim(std::string_view text) {
    JsonParser json;
    const auto auth = json.parse(text);
    if (!auth) return;
    const auto claim = read_recovery_claim(*auth);
    if (!claim) return;
    SB_CHECK(!claim->pid.empty() && claim->pid.size() <= 256);
    SB_CHECK(!claim->offset || claim->offset->size() <= 256);
    std::string written;
    JsonWriter writer(written);
    writer.begin_object().member("pid", claim->pid);
    if (claim->offset) writer.member("offset", *claim->offset);
    writer.end_object();
    const auto again = json.parse(written);
    SB_CHECK(again);
    const auto same = read_recovery_claim(*again);
    SB_CHECK(same && same->pid == claim->pid && same->offset == claim->offset);
}

void check_event(std::string_view text) {
    PacketParser parser(10);
    std::string packet(1, '2');
    packet += text;
    const auto parsed = parser.parse(packet);
    if (!parsed || (*parsed)->type != PacketType::kEvent || (*parsed)->fault) return;
    const Packet event = **parsed;
    const std::string name(event.name), args(event.args);
    const std::size_t count = event.arg_count;
    std::string out;
    append_event(out, {event.namespace_name, {}, 0}, name, args);
    append_offset(out, kOffset);
    const Packet with_offset = *parser.parse(out).value();
    SB_CHECK(with_offset.name == name && with_offset.arg_count == count + 1);
    SB_CHECK(with_offset.args == (args.empty() ? "" : args + ',') + "\"17.4\"");
    SB_CHECK(leaves_text(with_offset.args));
    out.clear();
    append_event(out, {event.namespace_name, {}, 0}, name, args);
    append_null_argument(out);
    const Packet with_null = *parser.parse(out).value();
    SB_CHECK(with_null.arg_count == count + 1 && !leaves_text(with_null.args));
}

}  // namespace
}  // namespace signalbox::socketio

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    signalbox::fuzz::Input input(data, size);
    signalbox::socketio::check_claim(input.rest());
    signalbox::socketio::check_event(input.rest());
    return 0;
}
