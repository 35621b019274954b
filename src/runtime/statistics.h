#pragma once

#include <atomic>
#include <cstdint>

namespace signalbox::runtime {

/// A number that one thread changes and any thread reads.
class Counter {
public:
    void add(std::int64_t n) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::int64_t> value_{0};
};

/// What one shard has done since its start. Written by the shard, read from any thread.
struct Statistics {
    Counter turns;                        ///< rounds of the loop
    Counter recv_calls;                   ///< system calls
    Counter send_calls;                   ///< system calls
    Counter bytes_in;                     ///< from sockets, TLS records included
    Counter bytes_out;                    ///< to sockets, TLS records included
    Counter tasks;                        ///< taken from the mailbox
    Counter accepted;                     ///< TCP connections
    Counter accept_failures;              ///< out of descriptors or memory; accepting pauses
    Counter over_connections_max;         ///< accepted and closed at once; of an address too
    Counter proxy_faults;                 ///< no proxy's, or without a PROXY header that is taken
    Counter evicted_connections;          ///< idle, closed for a newcomer
    Counter http_connections;             ///< open now
    Counter websocket_connections;        ///< open now
    Counter http_requests;                ///< handed to a handler of this shard
    Counter http_faults;                  ///< requests that were refused before any handler
    Counter websocket_messages_in;        ///< complete messages
    Counter websocket_messages_out;       ///< accepted by send()
    Counter websocket_messages_deflated;  ///< a broadcast once for each window size
    Counter tls_failures;                 ///< handshakes and records that failed
    Counter forwarded_requests;           ///< sent to the shard of their session
    Counter moved_upgrades;               ///< sockets moved to the shard of their session
    Counter overloaded;                   ///< refused because a mailbox was full
};

}  // namespace signalbox::runtime
