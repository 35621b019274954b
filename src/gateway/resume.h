#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/recovery_state.h"
#include "updates/update_log.h"

namespace signalbox::gateway {

/// A message that a client that comes back has not got.
struct MissedMessage {
    std::shared_ptr<const updates::PositionedUpdate> update;  ///< or, without one:
    std::string private_envelope;
    std::string private_offset;

    [[nodiscard]] std::string_view envelope() const {
        return update ? std::string_view(update->envelope) : private_envelope;
    }
    [[nodiscard]] std::string_view offset() const {
        return update ? std::string_view(update->position) : private_offset;
    }
};

/// A parked connection with what its client shall get before it goes on.
struct Resumed {
    ParkedConnection state;
    std::vector<MissedMessage> missed;  ///< in the order in which they were or would have been sent
};

/// Where the company stands.
struct CompanyPosition {
    std::string_view epoch;
    std::uint64_t number = 0;
};

/// What the client of `parked`, which has got everything up to `offset` (absent: nothing), has
/// missed: exactly what the connection was sent above it, and what it would have been sent since.
/// @param replay_bytes_max  of the messages as strings.
/// @return nullopt when that cannot be told: the offset is none of this connection, something was
///         forgotten, or it is too much.
[[nodiscard]] std::optional<std::vector<MissedMessage>> missed_messages(
    const ParkedConnection& parked, const std::optional<std::string>& offset,
    CompanyPosition present, const updates::UpdateLog& log, std::size_t replay_bytes_max);

}  // namespace signalbox::gateway
