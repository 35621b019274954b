#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/address_limit.h"
#include "runtime/buffers.h"
#include "runtime/ip_network.h"
#include "runtime/shard.h"
#include "runtime/transport.h"
#include "runtime/write_pace.h"

namespace signalbox::runtime {

class Endpoint;

/// What a connection is, whatever protocol it speaks at the moment.
struct Channel {
    std::unique_ptr<Transport> transport;
    OutputBuffer output;  ///< accepted, not yet taken by the transport
    AddressLimit::Ticket ticket;
};

/// A socket of an endpoint, with its output of the turn. Protocols derive from it.
///
/// Ownership: owned by its Endpoint from Endpoint::adopt() to retire(), which leaves it inert and
///            lets the turn's end destroy it: no call on the stack loses its object.
/// Threading: confined to its shard.
class Connection : public Watcher, public Flushable, public Disposable, private InputReader {
public:
    ~Connection() override;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void on_ready(Readiness readiness) final;
    void flush() final;
    /// What a read has brought: InputBatch's to call.
    void take_input(std::span<char> bytes, IoStatus status);

    /// The server is stopping: finish what is under way, take no more.
    virtual void drain() {}
    [[nodiscard]] virtual bool is_websocket() const = 0;

protected:
    Connection(Endpoint& endpoint, Channel channel);

    /// Begins to hear of the socket. @return false when the kernel refuses; then retire().
    [[nodiscard]] bool watch();
    /// Bytes arrived; borrowed, and may be changed in place.
    virtual void on_input(std::span<char> bytes) = 0;
    /// The peer will send nothing more.
    virtual void on_peer_closed() = 0;
    /// The socket is broken, or the peer took nothing for too long; retire() follows.
    virtual void on_lost() = 0;
    /// Before output is sent: the place for work that was put off to the turn's end.
    virtual void before_flush() {}
    /// The kernel has taken all output.
    virtual void on_drained() {}
    /// Output is stuck; the deadline of a peer that takes nothing is the protocol's affair.
    virtual void on_blocked() {}

    [[nodiscard]] std::string& output() { return channel_.output.tail(buffers()); }
    /// Of what other connections may append as well.
    void append_output(const OutputPieces& pieces) { channel_.output.append(pieces, buffers()); }
    [[nodiscard]] std::size_t output_bytes() const {
        return channel_.output.size() + channel_.transport->unsent();
    }
    [[nodiscard]] bool blocked() const { return blocked_; }
    /// Whether the peer took write_bytes_per_second_min in the `period` that is over.
    [[nodiscard]] bool keeps_pace(const WritePace& pace, Milliseconds period) const;
    /// Offers output to the kernel before the turn's end. Tells nobody: whether it is stuck or the
    /// socket broken shows then.
    void offer_output();
    void mark_dirty();

    /// The share that it is read with; none: at once.
    void set_share(InputShare share);

    enum class Reading : std::uint8_t { kOn, kPaused, kEnded };
    /// kPaused still hears of the peer's FIN; kEnded only of a broken socket.
    void set_reading(Reading reading);

    /// Ends our direction after the output; the peer still reads what was sent.
    void shut_down_sending();
    /// Gives socket and output away. The connection must retire().
    [[nodiscard]] Channel release_channel();
    void retire();
    [[nodiscard]] bool retired() const { return retired_; }

    void lost();
    [[nodiscard]] Endpoint& endpoint() { return *endpoint_; }
    [[nodiscard]] Transport& transport() { return *channel_.transport; }
    [[nodiscard]] Shard& shard();

private:
    friend class Endpoint;
    void receive_in_turn();
    /// Into the shard's InputBatch. @return what it cost.
    std::size_t receive(std::span<char> into);
    std::size_t read_in_turn() override;
    [[nodiscard]] std::span<char> buffer_of_turn();
    void leave_turns();
    void send_output();
    /// Has on_ready() called in a later turn, while it is watched.
    void repeat();
    void unwatch();
    [[nodiscard]] BufferPool& buffers();

    Endpoint* endpoint_;
    Channel channel_;
    InputShare share_;
    std::uint32_t slot_ = 0;  // of the endpoint's table
    Readiness ready_;         // told by the poller, not used up
    Reading reading_ = Reading::kOn;
    bool blocked_ = false;
    bool watched_ = false;
    bool retired_ = false;
    bool waits_for_turn_ = false;
    bool repeats_ = false;
};

}  // namespace signalbox::runtime
