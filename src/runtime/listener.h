#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/timer_wheel.h"
#include "runtime/options.h"
#include "runtime/poller.h"
#include "runtime/tls_context.h"
#include "runtime/unique_fd.h"

namespace signalbox::runtime {

class Endpoint;

enum class ListenError : std::uint8_t {
    kAddressInUse,  ///< something listens there
    kBadHost,       ///< no such name or address
    kNotPermitted,  ///< a privileged port
    kUnavailable,   ///< not an address of this machine, or out of descriptors
};
[[nodiscard]] std::string_view to_string(ListenError error);

struct BoundSockets {
    std::vector<UniqueFd> sockets;  ///< listening, one a shard
    std::uint16_t port = 0;         ///< the real one
};

/// Binds and listens `count` times on one address. Several sockets share it by SO_REUSEPORT, and
/// the kernel spreads connections over them; a bind without that option comes first, because with
/// it a second process of ours would silently steal connections.
[[nodiscard]] std::expected<BoundSockets, ListenError> bind_sockets(const ListenOptions& options,
                                                                    std::size_t count);

/// Accepts connections for one endpoint. Out of descriptors, it has the endpoint close an idle
/// connection for each newcomer; when none is idle it closes those that wait, by means of a reserve
/// descriptor, and pauses for kPause, so that it neither spins nor leaves clients hanging.
/// Threading: confined to its shard.
class Listener final : public Watcher {
public:
    static constexpr Milliseconds kPause{100};
    static constexpr int kAcceptsATurn = 64;
    static constexpr int kRefusalsATurn = 1'024;
    /// Failures are logged no more often.
    static constexpr Milliseconds kReportInterval{10'000};

    Listener(Endpoint& endpoint, UniqueFd socket, ListenerKind kind,
             std::shared_ptr<TlsContext> tls);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    /// @return false when the kernel refuses to tell of connections.
    [[nodiscard]] bool start();
    void on_ready(Readiness readiness) override;

private:
    [[nodiscard]] bool accept_one();
    void on_failure(int error);
    [[nodiscard]] bool somebody_waits() const;
    void report(int error);
    void refuse_backlog();
    void resume();

    Endpoint& endpoint_;
    UniqueFd socket_;
    UniqueFd reserve_;
    const ListenerKind kind_;
    const std::shared_ptr<TlsContext> tls_;
    std::optional<MonotonicTime> reported_at_;
    Timer resume_;
    bool watched_ = false;
};

}  // namespace signalbox::runtime
