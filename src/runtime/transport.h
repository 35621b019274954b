#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "runtime/buffers.h"
#include "runtime/statistics.h"
#include "runtime/unique_fd.h"
#include "runtime/warm_transports.h"

namespace signalbox::runtime {

/// What a shard lends to the transports of its connections for one call.
struct IoContext {
    std::span<char> records;  ///< room for TLS records as they arrive
    BufferPool& buffers;
    WarmTransports& warm;
    Statistics& statistics;
};

enum class IoStatus : std::uint8_t {
    kOk,          ///< for a write: everything was taken
    kWouldBlock,  ///< try again when readable (writable)
    kClosed,      ///< the peer's orderly end
    kError,       ///< reset, or broken TLS
};

/// `bytes` counts also when the status is not kOk: what came or went before.
struct IoResult {
    IoStatus status = IoStatus::kOk;
    std::size_t bytes = 0;
    /// The next call may well do more at once: the poller is not going to say so.
    bool more = false;
};

/// A byte stream over a non-blocking socket, plain or TLS. Knows no shard but by the IoContexts of its
/// calls, so that it can move, after part().
///
/// Ownership: owns its descriptor; TLS state too.
/// Threading: one thread at a time.
/// System calls: read() makes at most one recv, write() at most one send.
class Transport {
public:
    /// read() never fills more than this of `into`, which must have room for it.
    static constexpr std::size_t kReadBytesMax = 64 * 1024;
    /// TLS records received at a time: with what is left of an earlier record, they decrypt to no
    /// more than kReadBytesMax.
    static constexpr std::size_t kRecordBytesMax = 47 * 1024;

    /// More than this unsent while the peer takes nothing: it makes TLS answer and reads no answers.
    static constexpr std::size_t kUnsentBytesMax = 512 * 1024;

    virtual ~Transport() = default;
    [[nodiscard]] virtual int fd() const = 0;
    [[nodiscard]] virtual IoResult read(IoContext& io, std::span<char> into) = 0;
    /// Takes as much of `data` as the kernel allows; kWouldBlock when anything is left, here or
    /// there.
    [[nodiscard]] virtual IoResult write(IoContext& io, std::string_view data) = 0;
    /// Bytes that write() has taken and the kernel has not, or that TLS itself must send.
    [[nodiscard]] virtual std::size_t unsent() const { return 0; }
    [[nodiscard]] virtual bool is_secure() const { return false; }
    /// False until a TLS handshake is done.
    [[nodiscard]] virtual bool is_established() const { return true; }
    /// Queues the orderly end of TLS; the next write() sends it.
    virtual void say_goodbye(IoContext&) {}
    /// Before it moves: leaves whatever knows it of the IoContexts that it was given.
    virtual void part() {}
};

[[nodiscard]] std::unique_ptr<Transport> make_plain_transport(UniqueFd socket);

/// One recv and one send, with the statistics.
[[nodiscard]] IoResult receive(int fd, std::span<char> into, Statistics& statistics);
[[nodiscard]] IoResult send_some(int fd, std::string_view data, Statistics& statistics);

}  // namespace signalbox::runtime
