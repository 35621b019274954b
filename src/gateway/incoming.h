#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "gateway/gateway.h"

namespace signalbox::gateway {

/// One request of a client, read from whichever form it came in. Borrows from the packet, or from
/// whoever keeps it (KeptIncoming).
struct Gateway::Incoming {
    std::string_view request_id;       ///< "" when none could be read
    std::string_view action;           ///< likewise
    std::string_view data;             ///< JSON; empty when absent
    std::string_view idempotency_key;  ///< empty when absent
    std::optional<Milliseconds> timeout;
    bool wants_status = false;
    std::optional<std::uint64_t> ack;
};

/// The same for one that waits beyond the call.
class Gateway::KeptIncoming {
public:
    explicit KeptIncoming(const Incoming& incoming)
        : request_id_(incoming.request_id),
          action_(incoming.action),
          data_(incoming.data),
          idempotency_key_(incoming.idempotency_key),
          incoming_(incoming) {
        incoming_.request_id = request_id_;
        incoming_.action = action_;
        incoming_.data = data_;
        incoming_.idempotency_key = idempotency_key_;
    }
    KeptIncoming(const KeptIncoming&) = delete;
    KeptIncoming& operator=(const KeptIncoming&) = delete;

    [[nodiscard]] Incoming& get() { return incoming_; }

private:
    std::string request_id_, action_, data_, idempotency_key_;
    Incoming incoming_;
};

}  // namespace signalbox::gateway
