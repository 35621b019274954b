#include "runtime/forwarding.h"

#include <utility>

#include "base/check.h"
#include "runtime/abort_signal.h"
#include "runtime/endpoint.h"

namespace signalbox::runtime {
namespace {

/// Ids count up from 1 on each reader and stay far below 2^48.
std::uint64_t key_of(ShardIndex reader, std::uint64_t id) {
    return (static_cast<std::uint64_t>(reader) << 48) | id;
}

}  // namespace

/// The owner's end: turns calls into tasks for the reader.
class Forwarder::RemoteExchange final : public HttpExchange {
public:
    RemoteExchange(Forwarder& forwarder, ShardIndex reader, ExchangeId id)
        : forwarder_(forwarder), reader_(reader), id_(id), abort_(forwarder.endpoint_.shard()) {
        forwarder_.remotes_.emplace(key_of(reader, id), this);
    }

    ~RemoteExchange() override {
        forwarder_.remotes_.erase(key_of(reader_, id_));
        if (state_ == State::kDone) return;
        post([id = id_](Forwarder& reader) { reader.give_up(id); });
    }

    void respond(HttpResponse response) override {
        SB_CHECK(state_ == State::kPending);
        end();
        post([id = id_, r = std::move(response)](Forwarder& reader) mutable {
            reader.deliver_response(id, std::move(r));
        });
    }

    void start_stream(HttpResponse head) override {
        SB_CHECK(state_ == State::kPending);
        state_ = State::kStreaming;
        written_ += head.body.size();
        post([id = id_, h = std::move(head)](Forwarder& reader) mutable {
            reader.deliver_head(id, std::move(h));
        });
    }

    void write(std::string_view part) override {
        SB_CHECK(state_ == State::kStreaming);
        written_ += part.size();
        post([id = id_, bytes = std::string(part)](Forwarder& reader) {
            reader.deliver_part(id, bytes);
        });
    }

    void finish() override {
        SB_CHECK(state_ == State::kStreaming);
        end();
        post([id = id_](Forwarder& reader) { reader.deliver_end(id); });
    }

    void on_abort(std::move_only_function<void()> callback) override {
        abort_.set(std::move(callback));
    }
    std::size_t pending_bytes() const override { return written_ - drained_; }

    void abort() { abort_.raise(); }
    void drained(std::size_t bytes) { drained_ += bytes; }

private:
    enum class State : std::uint8_t { kPending, kStreaming, kDone };

    void end() {
        state_ = State::kDone;
        abort_.disarm();
    }

    template <class Delivery>
    void post(Delivery delivery) {
        Endpoint& reader = forwarder_.endpoint_.peer(reader_);
        forwarder_.endpoint_.shard().mesh().post_admitted(
            reader_, [&reader, d = std::move(delivery)]() mutable { d(reader.forwarder()); });
    }

    Forwarder& forwarder_;
    const ShardIndex reader_;
    const ExchangeId id_;
    AbortSignal abort_;
    State state_ = State::kPending;
    std::size_t written_ = 0;
    std::size_t drained_ = 0;
};

void Forwarder::forward(ShardIndex owner, HttpRequest request,
                        std::unique_ptr<DrainableExchange> exchange) {
    Shard& shard = endpoint_.shard();
    if (!shard.mesh().try_reserve({&owner, 1})) {
        shard.statistics().overloaded.add(1);
        return exchange->respond(endpoint_.options().overloaded);
    }
    shard.statistics().forwarded_requests.add(1);
    const ExchangeId id = next_id_++;
    waiting_.emplace(id, Waiting{.exchange = std::move(exchange), .owner = owner});
    watch(id);
    shard.mesh().post_reserved(owner, [&target = endpoint_.peer(owner), reader = shard.index(), id,
                                       r = std::move(request)]() mutable {
        target.forwarder().answer(reader, id, std::move(r));
    });
}

void Forwarder::watch(ExchangeId id) {
    DrainableExchange& exchange = *waiting_.at(id).exchange;
    exchange.on_drain([this, id] { report_drained(id); });
    exchange.on_abort([this, id] {
        const ShardIndex owner = waiting_.at(id).owner;
        endpoint_.shard().mesh().post_admitted(
            owner, [&target = endpoint_.peer(owner), reader = endpoint_.shard().index(), id] {
                target.forwarder().on_abort(reader, id);
            });
    });
}

void Forwarder::answer(ShardIndex reader, ExchangeId id, HttpRequest request) {
    endpoint_.handle_here(std::move(request), std::make_unique<RemoteExchange>(*this, reader, id));
}

Forwarder::RemoteExchange* Forwarder::find_remote(ShardIndex reader, ExchangeId id) {
    const auto found = remotes_.find(key_of(reader, id));
    return found == remotes_.end() ? nullptr : found->second;
}

void Forwarder::on_abort(ShardIndex reader, ExchangeId id) {
    if (RemoteExchange* remote = find_remote(reader, id)) remote->abort();
}

void Forwarder::on_drained(ShardIndex reader, ExchangeId id, std::size_t bytes) {
    if (RemoteExchange* remote = find_remote(reader, id)) remote->drained(bytes);
}

Forwarder::Waiting* Forwarder::find_waiting(ExchangeId id) {
    const auto found = waiting_.find(id);
    return found == waiting_.end() ? nullptr : &found->second;
}

void Forwarder::report_drained(ExchangeId id) {
    Waiting& waiting = waiting_.at(id);
    const std::size_t bytes =
        waiting.delivered - std::exchange(waiting.reported, waiting.delivered);
    if (bytes == 0) return;
    endpoint_.shard().mesh().post_admitted(
        waiting.owner, [&target = endpoint_.peer(waiting.owner), reader = endpoint_.shard().index(),
                        id, bytes] { target.forwarder().on_drained(reader, id, bytes); });
}

void Forwarder::deliver_response(ExchangeId id, HttpResponse response) {
    if (Waiting* waiting = find_waiting(id)) waiting->exchange->respond(std::move(response));
    waiting_.erase(id);
}

void Forwarder::deliver_head(ExchangeId id, HttpResponse head) {
    Waiting* waiting = find_waiting(id);
    if (waiting == nullptr) return;
    waiting->delivered += head.body.size();
    waiting->exchange->start_stream(std::move(head));
}

void Forwarder::deliver_part(ExchangeId id, std::string_view part) {
    Waiting* waiting = find_waiting(id);
    if (waiting == nullptr) return;
    waiting->delivered += part.size();
    waiting->exchange->write(part);
}

void Forwarder::deliver_end(ExchangeId id) {
    if (Waiting* waiting = find_waiting(id)) waiting->exchange->finish();
    waiting_.erase(id);
}

void Forwarder::give_up(ExchangeId id) {
    waiting_.erase(id);
}

}  // namespace signalbox::runtime
