// A PROXY header in every cut: the same once its last byte is there and from then on, a fault that
// stays, never more bytes asked for than are bounded. Input: what a connection begins with.
#include "runtime/proxy_protocol.h"

#include <algorithm>

#include "base/check.h"
#include "base/fuzz_input.h"

namespace signalbox::runtime {
namespace {

void check_same(const ProxyHeader& one, const ProxyHeader& other) {
    SB_CHECK(one.source == other.source && one.secure == other.secure && one.bytes == other.bytes);
}

void check(std::string_view bytes) {
    const auto whole = read_proxy_header(bytes);
    bool decided = false;
    const std::size_t cuts = std::min(bytes.size(), kProxyHeaderBytesMax + 1);
    for (std::size_t cut = 0; cut <= cuts; ++cut) {
        const std::string_view part = bytes.substr(0, cut);
        const auto read = read_proxy_header(part);
        if (!read) {
            SB_CHECK(!whole && whole.error() == read.error());
            return;
        }
        SB_CHECK(!decided || *read);
        decided = read->has_value();
        if (!decided) {
            SB_CHECK(cut < kProxyHeaderBytesMax);
            SB_CHECK(proxy_bytes_missing(part) > 0);
            SB_CHECK(cut + proxy_bytes_missing(part) <= kProxyHeaderBytesMax);
            continue;
        }
        SB_CHECK(proxy_bytes_missing(part) == 0 && (*read)->bytes <= cut);
        SB_CHECK(whole && *whole);
        check_same(**read, **whole);
    }
}

}  // namespace
}  // namespace signalbox::runtime

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    signalbox::fuzz::Input input(data, size);
    signalbox::runtime::check(input.rest());
    return 0;
}
