#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"

namespace signalbox::app {

enum class ControlFailure : std::uint8_t {
    kNotRunning,  ///< no socket, or nobody listens on it
    kNoAnswer,    ///< somebody listens, but closed early or kept silent
    kNoAccess,    ///< the file's mode, or another fault of the system
};

/// The client's side: one request, one answer. Blocks up to `timeout`.
/// @return the answer, a JSON object.
[[nodiscard]] std::expected<std::string, ControlFailure> call_control(
    const std::string& path, std::string_view command, const JsonText& arguments,
    Milliseconds timeout = Milliseconds{30'000});

}  // namespace signalbox::app
