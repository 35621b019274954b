#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actions/registry.h"
#include "app/config.h"
#include "auth/session_store.h"
#include "base/log.h"
#include "signalbox/websocket_service.h"

namespace signalbox::app {

/// Why a server could not start: a sentence for the operator.
struct StartError {
    std::string message;
};

/// What became of a reload.
struct ReloadOutcome {
    std::vector<std::string> problems;      ///< sentences: what stayed as it was, and why
    std::vector<std::string> restart_keys;  ///< have changed, and count after a restart
};

/// One node: everything of a configuration, wired and running.
///
/// Order of starting: data directory (lock, database) → shards → handlers → listeners → control
/// socket; stopping is the reverse.
/// Threading: create(), drain() and the destructor belong to one thread that is no shard's.
class Server {
public:
    /// @param actions  added to the built-in ones (and the dev ones with RunMode::kDev).
    [[nodiscard]] static std::expected<std::unique_ptr<Server>, StartError> create(
        const Config& config, actions::ActionRegistry actions);
    /// Stops at once; drain() first for a polite end.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// The public listener's port.
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] Log& log();
    /// Whether the test client is on and all of its files are there.
    [[nodiscard]] bool has_test_client() const;
    /// Applies what can change while running: keys, roles, limits, upstream actions, log level,
    /// certificates.
    [[nodiscard]] ReloadOutcome reload(const Config& config);

    /// Refuses new sessions and work, tells the clients, waits until everything has ended, at most
    /// for the configured grace.
    void drain();

    /// Puts a session into the store and waits; false when there is none or it fails.
    [[nodiscard]] bool put_session(const auth::SessionRecord& record);

    [[nodiscard]] WebSocketService& service();

private:
    struct Node;
    explicit Server(std::unique_ptr<Node> node);
    std::unique_ptr<Node> node_;
};

}  // namespace signalbox::app
