#include "runtime/connection.h"

#include <sys/socket.h>

#include <utility>

#include "base/check.h"
#include "runtime/endpoint.h"

namespace signalbox::runtime {

Connection::Connection(Endpoint& endpoint, Channel channel)
    : endpoint_(&endpoint), channel_(std::move(channel)) {}

Connection::~Connection() {
    unwatch();
    shard().forget_dirty(*this);
    leave_turns();
    if (channel_.transport) channel_.output.clear(buffers());
}

Shard& Connection::shard() {
    return endpoint_->shard();
}

BufferPool& Connection::buffers() {
    return shard().buffers();
}

bool Connection::watch() {
    watched_ = shard().poller().add_edge_triggered(channel_.transport->fd(), *this);
    return watched_;
}

void Connection::on_ready(Readiness readiness) {
    if (readiness.repeated) repeats_ = false;
    ready_.add(readiness);
    // Once a round: what it received before has not been handled.
    if (repeats_) return;
    if (std::exchange(ready_.writable, false) && blocked_) {
        blocked_ = false;
        mark_dirty();
    }
    if (ready_.readable && reading_ == Reading::kOn) return receive_in_turn();
    if (ready_.hung_up) return lost();
    if (ready_.peer_closed && reading_ == Reading::kPaused) on_peer_closed();
}

void Connection::receive_in_turn() {
    ReadTurns& turns = shard().read_turns();
    if (waits_for_turn_) return;
    if (!share_ || !turns.are_taken()) {
        receive(shard().inputs().room());
    } else if (turns.may_read(share_)) {
        const InputShare share = share_;
        turns.spend(share, receive(buffer_of_turn()));
    } else {
        waits_for_turn_ = true;
        turns.wait(share_, *this);
    }
}

std::size_t Connection::read_in_turn() {
    waits_for_turn_ = false;
    return reading_ == Reading::kOn ? receive(buffer_of_turn()) : 0;
}

/// TLS must take all that has come: the poller does not tell of what it holds.
std::span<char> Connection::buffer_of_turn() {
    const std::span<char> whole = shard().inputs().room();
    return channel_.transport->is_secure() ? whole : whole.first(ReadTurns::kReadBytes);
}

std::size_t Connection::receive(std::span<char> into) {
    IoContext io = shard().io();
    const IoResult result = channel_.transport->read(io, into);
    const std::size_t cost = ReadTurns::kReadCost + result.bytes;
    // A FIN or an error behind the bytes was told already.
    ready_.readable = result.more || ready_.peer_closed || ready_.hung_up;
    if (ready_.readable) repeat();
    if (channel_.transport->unsent() > 0) mark_dirty();
    if (blocked_ && channel_.transport->unsent() > Transport::kUnsentBytesMax) {
        lost();
        return cost;
    }
    shard().inputs().add(*this, result);
    return cost;
}

void Connection::take_input(std::span<char> bytes, IoStatus status) {
    if (!retired_ && !bytes.empty()) on_input(bytes);
    if (retired_) return;
    if (status == IoStatus::kClosed) on_peer_closed();
    if (status == IoStatus::kError) lost();
}

void Connection::set_share(InputShare share) {
    leave_turns();
    if (retired_) return;
    share_ = std::move(share);
    if (share_) shard().read_turns().join(share_);
}

void Connection::leave_turns() {
    if (!share_) return;
    if (std::exchange(waits_for_turn_, false)) {
        shard().read_turns().forget(share_, *this);
        repeat();
    }
    shard().read_turns().leave(share_);
    share_ = {};
}

void Connection::lost() {
    on_lost();
    if (!retired_) retire();
}

void Connection::mark_dirty() {
    if (!retired_) shard().mark_dirty(*this);
}

void Connection::flush() {
    before_flush();
    if (!retired_ && !blocked_) send_output();
}

void Connection::send_output() {
    IoContext io = shard().io();
    const IoResult result = channel_.transport->write(io, channel_.output.view());
    channel_.output.consume(result.bytes, buffers());
    if (result.status == IoStatus::kError) return lost();
    blocked_ = result.status == IoStatus::kWouldBlock;
    if (result.more) {
        ready_.writable = true;
        repeat();
    }
    if (blocked_) {
        on_blocked();
    } else {
        on_drained();
    }
}

bool Connection::keeps_pace(const WritePace& pace, Milliseconds period) const {
    return pace.suffices(channel_.transport->fd(), period,
                         endpoint_->options().write_bytes_per_second_min);
}

void Connection::offer_output() {
    if (retired_ || blocked_) return;
    IoContext io = shard().io();
    IoResult result;
    std::size_t before = 0;
    // TLS takes a part at a time.
    do {
        before = output_bytes();
        result = channel_.transport->write(io, channel_.output.view());
        channel_.output.consume(result.bytes, buffers());
    } while (result.status == IoStatus::kWouldBlock && output_bytes() < before);
}

void Connection::set_reading(Reading reading) {
    if (std::exchange(reading_, reading) == reading) return;
    const bool can_act = reading != Reading::kEnded && (ready_.readable || ready_.peer_closed);
    if (can_act || ready_.hung_up) repeat();
}

void Connection::repeat() {
    if (watched_ && !std::exchange(repeats_, true)) shard().poller().repeat(*this);
}

void Connection::shut_down_sending() {
    IoContext io = shard().io();
    channel_.transport->say_goodbye(io);
    // Best effort: a peer that does not take the TLS goodbye gets the FIN alone.
    [[maybe_unused]] const IoResult result = channel_.transport->write(io, {});
    ::shutdown(channel_.transport->fd(), SHUT_WR);
}

void Connection::unwatch() {
    if (std::exchange(watched_, false)) shard().poller().remove(channel_.transport->fd(), *this);
}

Channel Connection::release_channel() {
    unwatch();
    channel_.transport->part();
    channel_.output.part(buffers());
    return std::move(channel_);
}

void Connection::retire() {
    SB_CHECK(!retired_);
    retired_ = true;
    unwatch();
    shard().forget_dirty(*this);
    leave_turns();
    endpoint_->dispose(*this);
}

}  // namespace signalbox::runtime
