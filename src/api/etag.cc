#include "api/etag.h"

#include <fmt/format.h>

#include <cstdint>

namespace signalbox::api {

std::string etag_of(std::string_view bytes) {
    // FNV-1a
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return fmt::format("\"{:x}-{:016x}\"", bytes.size(), hash);
}

bool names_etag(std::string_view if_none_match, std::string_view etag) {
    return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

}  // namespace signalbox::api
