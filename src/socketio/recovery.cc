#include "socketio/recovery.h"

namespace signalbox::socketio {

std::optional<RecoveryClaim> read_recovery_claim(JsonElement auth) {
    constexpr std::size_t kBytesMax = 256;
    std::string_view pid;
    if (auth["pid"].get(pid) != simdjson::SUCCESS || pid.empty() || pid.size() > kBytesMax) {
        return std::nullopt;
    }
    JsonElement offset;
    if (auth["offset"].get(offset) != simdjson::SUCCESS) return RecoveryClaim{std::string(pid), {}};
    std::string_view text;
    if (offset.get(text) != simdjson::SUCCESS || text.size() > kBytesMax) return std::nullopt;
    return RecoveryClaim{std::string(pid), std::string(text)};
}

bool leaves_text(std::string_view args) {
    const std::size_t last = args.find_last_not_of(" \t\r\n");
    return last == std::string_view::npos || args[last] == '"';
}

}  // namespace signalbox::socketio
