// Whatever the envelope, what is passed on is within bounds and valid JSON, the same envelope written
// anew is read the same, and a short one the same as one that spaces make long. Input: the text of a REQUEST.
#include <string>
#include <tuple>

#include "base/check.h"
#include "base/fuzz_input.h"
#include "updates/request_parser.h"

namespace signalbox::updates {
namespace {

std::string envelope_of(const Request& request) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().member("type", "REQUEST").member("requestId", request.request_id);
    json.member("action", request.action);
    if (!request.data.empty()) json.raw_member("data", request.data);
    if (!request.idempotency_key.empty()) json.member("idempotencyKey", request.idempotency_key);
    json.end_object();
    return out;
}

using Parsed = std::expected<const Request*, EnvelopeFault>;

bool same(const Parsed& one, const Parsed& other) {
    if (one.has_value() != other.has_value()) return false;
    const auto parts = [](const Request& r) {
        return std::tie(r.request_id, r.action, r.data, r.timeout, r.idempotency_key, r.progress);
    };
    if (one) return parts(**one) == parts(**other);
    return one.error().request_id == other.error().request_id &&
           one.error().action == other.error().action &&
           one.error().message == other.error().message;
}

}  // namespace
}  // namespace signalbox::updates

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace signalbox;
    fuzz::Input input(data, size);
    updates::RequestParser parser, second_parser;
    const std::string text(input.rest());
    const auto parsed = parser.parse(text);
    const std::string long_text = text + std::string(1024, ' ');
    const auto lengthened = second_parser.parse(long_text);
    SB_CHECK(updates::same(parsed, lengthened));
    if (!parsed) {
        SB_CHECK(!parsed.error().message.empty());
        return 0;
    }
    const updates::Request* const request = *parsed;
    SB_CHECK(updates::is_valid_request_id(request->request_id));
    if (!request->data.empty()) SB_CHECK(JsonParser().parse(request->data));
    const std::string written = updates::envelope_of(*request);
    const updates::Request* const again = second_parser.parse(written).value();
    SB_CHECK(again->request_id == request->request_id);
    SB_CHECK(again->action == request->action && again->data == request->data);
    SB_CHECK(again->idempotency_key == request->idempotency_key);
    return 0;
}
