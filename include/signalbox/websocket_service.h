#pragma once

#include <string>
#include <string_view>

namespace signalbox {

/// What to send to an audience: the guide's UPDATE, `type` and time added by the server.
struct UpdateMessage {
    std::string request_id = {};  ///< empty: the server makes one
    std::string action;           ///< must not begin with "system."
    std::string data = {};        ///< JSON text, passed on byte for byte; empty: none
};

/// Sends updates from the program that embeds the server.
/// Threading: from any thread, an action's handler included.
class WebSocketService {
public:
    virtual ~WebSocketService() = default;

    /// Sends `update` to every connection of the company or, with an artifact, to those that watch
    /// it. Returns at once; delivery follows in the order of the calls of one thread.
    /// @return empty, or a sentence that names what is wrong with the arguments: nothing was sent
    /// then. What an overloaded server could not deliver is in the log as `update.lost`.
    virtual std::string send_update(std::string_view company_id, const UpdateMessage& update,
                                    std::string_view artifact_id = {}) = 0;
};

/// The service of the server that runs in this process, or nullptr when none does.
/// Ownership: by the server; do not keep the pointer beyond the server's stop.
[[nodiscard]] WebSocketService* get_websocket_service();

}  // namespace signalbox
