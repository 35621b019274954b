#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/input_share.h"

namespace signalbox::gateway {

/// A company as one shard has seen it, while it has connections there.
/// Ownership: by the shard's gateway.
/// Threading: confined to its shard.
struct CompanyHere {
    std::string epoch;       ///< of its home's positions
    std::uint64_t seen = 0;  ///< the last update that was delivered on this shard
    std::size_t connections = 0;
    InputShare input = InputShare::make();
};

}  // namespace signalbox::gateway
