#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace signalbox::api {

enum class TestClient : std::uint8_t {
    kOff,
    kServed,
    kServedAndHome,  ///< `/` leads to it
};

/// Where sessions, connections and metrics are served.
enum class ManagementDoor : std::uint8_t {
    kEveryListener,
    kInternalListener,  ///< only on `server.internal_listen`; 404 elsewhere
};

/// Who reads /openapi.json and /asyncapi.json.
enum class DocumentReaders : std::uint8_t {
    kCallers,    ///< whoever has a token, with the actions that it may run
    kEverybody,  ///< who has none too, with every action
};

/// `[server]`, as far as routes depend on it.
struct Options {
    std::string base_path{};  ///< empty, or "/gateway": before all but the socket endpoint
    /// The Socket.IO endpoint and its aliases, each with and without a trailing slash.
    std::vector<std::string> socket_paths{"/realtime", "/socket.io"};
    std::vector<std::string> allowed_origins{};  ///< see OriginPolicy
    /// Waiting for the reader of an event stream; beyond it status updates are left out.
    std::size_t stream_bytes_max = 1U << 20;
    TestClient test_client = TestClient::kOff;
    ManagementDoor management = ManagementDoor::kEveryListener;
    DocumentReaders documents = DocumentReaders::kCallers;
    std::string version{};  ///< for signalbox_build_info
};

}  // namespace signalbox::api
