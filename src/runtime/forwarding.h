#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/http.h"
#include "runtime/http_connection.h"

namespace signalbox::runtime {

class Endpoint;

/// Requests that one shard has read and another answers. The request goes over as one value, the
/// answer comes back in parts; ids, not pointers, name the exchange on either side.
///
/// Ownership: keeps the reading shard's exchange until the answer is complete or given up.
/// Threading: confined to its endpoint's shard; talks to its peers through the mesh.
/// Bounds:    a request needs credit of the owner's mailbox (else the overload answer). An exchange
///            waits here until the owner's handler has answered or dropped its own, even when its
///            connection has ended (a peer that closed its direction only still wants the answer):
///            there are no more than requests that the owners' handlers hold.
class Forwarder {
public:
    explicit Forwarder(Endpoint& endpoint) : endpoint_(endpoint) {}

    void forward(ShardIndex owner, HttpRequest request,
                 std::unique_ptr<DrainableExchange> exchange);

private:
    class RemoteExchange;
    friend class RemoteExchange;
    using ExchangeId = std::uint64_t;

    struct Waiting {
        std::unique_ptr<DrainableExchange> exchange;
        ShardIndex owner;
        std::size_t delivered = 0;  // bytes of a stream that came from the owner
        std::size_t reported = 0;   // of these, told to have left
    };

    // On the owner's shard.
    void answer(ShardIndex reader, ExchangeId id, HttpRequest request);
    void on_abort(ShardIndex reader, ExchangeId id);
    void on_drained(ShardIndex reader, ExchangeId id, std::size_t bytes);
    [[nodiscard]] RemoteExchange* find_remote(ShardIndex reader, ExchangeId id);

    // On the reader's shard.
    void watch(ExchangeId id);
    void report_drained(ExchangeId id);
    void deliver_response(ExchangeId id, HttpResponse response);
    void deliver_head(ExchangeId id, HttpResponse head);
    void deliver_part(ExchangeId id, std::string_view part);
    void deliver_end(ExchangeId id);
    void give_up(ExchangeId id);
    [[nodiscard]] Waiting* find_waiting(ExchangeId id);

    Endpoint& endpoint_;
    ExchangeId next_id_ = 1;
    std::unordered_map<ExchangeId, Waiting> waiting_;             // read here
    std::unordered_map<std::uint64_t, RemoteExchange*> remotes_;  // answered here
};

}  // namespace signalbox::runtime
