#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "gateway/gateway.h"

namespace signalbox::gateway {

/// One request of a client, read from whichever form it came in.
struct Gateway::Incoming {
    std::string request_id;  ///< "" when none could be read
    std::string action;      ///< likewise
    JsonText data;
    std::optional<Milliseconds> timeout;
    bool wants_status = false;
    std::optional<std::uint64_t> ack;
};

}  // namespace signalbox::gateway
