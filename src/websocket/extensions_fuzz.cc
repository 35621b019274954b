// A list of extensions that is accepted means the same when it is written out again, and what we
// answer is itself a list. Input: the fields of Sec-WebSocket-Extensions, one a line.
#include <string>
#include <vector>

#include "base/check.h"
#include "base/fuzz_input.h"
#include "websocket/extensions.h"

namespace signalbox::websocket {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n')) {
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    lines.push_back(text);
    return lines;
}

std::string write(const std::vector<ExtensionOffer>& offers) {
    std::string out;
    for (const ExtensionOffer& offer : offers) {
        if (!out.empty()) out += ',';
        out += offer.name;
        for (const auto& [name, value] : offer.parameters) {
            out += ';' + name;
            if (value) out += "=\"" + *value + '"';
        }
    }
    return out;
}

}  // namespace
}  // namespace signalbox::websocket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace signalbox::websocket;
    signalbox::fuzz::Input input(data, size);
    const auto offers = parse_extensions(lines_of(input.rest()));
    if (!offers) return 0;
    const std::string written = write(*offers);
    const std::string_view field = written;
    const auto again = parse_extensions({&field, 1});
    SB_CHECK(again && write(*again) == written);
    const auto agreement = negotiate_deflate(*offers);
    SB_CHECK(agreement == negotiate_deflate(*again));
    if (!agreement) return 0;
    SB_CHECK(agreement->window_bits() >= 9 && agreement->window_bits() <= 15);
    const std::string text = deflate_answer(*agreement);
    const std::string_view answer = text;
    const auto answered = parse_extensions({&answer, 1});
    SB_CHECK(answered && negotiate_deflate(*answered) == agreement);
    return 0;
}
