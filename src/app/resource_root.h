#pragma once

#include <filesystem>
#include <span>
#include <string_view>

namespace signalbox::app {

/// The first of `candidates` below which `file` can be seen. A folder that cannot be searched
/// counts as one without it. @return the first candidate when none has it, so that whoever then
/// misses the file names a likely place.
/// @param candidates  not empty.
[[nodiscard]] std::filesystem::path find_resource_root(
    std::span<const std::filesystem::path> candidates, std::string_view file);

/// Where the test client's files are: the tree that holds build/<preset>/signalbox, else
/// share/signalbox beside the bin/ that holds the program, else the folder that it was started in.
[[nodiscard]] std::filesystem::path resource_root();

inline constexpr std::string_view kTestClientPage = "tests/websocket/test-client.html";
inline constexpr std::string_view kTestClientForm = "tests/websocket/test-client-form.js";
inline constexpr std::string_view kTestClientScript =
    "node_modules/socket.io-client/dist/socket.io.min.js";

}  // namespace signalbox::app
