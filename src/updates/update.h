#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error_code.h"
#include "base/ids.h"
#include "updates/audience.h"

namespace signalbox::updates {

inline constexpr std::size_t kUpdatesAtOnceMax = 100;

/// A message to an audience of one company.
struct Update {
    CompanyId company;
    std::optional<ArtifactId> artifact;  ///< its watchers, instead of the audience
    Audience audience;
    std::string action;
    std::string data;             ///< validated JSON; empty when absent
    std::string request_id;       ///< empty: the server makes one
    std::string idempotency_key;  ///< empty: none
    bool is_volatile = false;     ///< dropped for connections that cannot take it at once
};

/// The rooms whose members get it, and those whose members do not.
[[nodiscard]] std::vector<std::string> rooms_of(const Update& update);
[[nodiscard]] std::vector<std::string> except_rooms_of(const Update& update);

/// Reads the body of `POST /updates`, or the data of `updates.send`: one update
/// {companyId, artifactId? or audience?: {users, sessions, connections, artifacts, except}, action,
/// data?, requestId?, idempotencyKey?, volatile?} or a list of 1 to 100, all or none. The lists of
/// an audience add up; `audience.except` is an object with the same four lists, taken away. Neither
/// artifactId nor audience: the whole company. Ids may be integers. `type: "UPDATE"` is tolerated.
/// Unknown and repeated members, and lists that select nobody, are faults, so that no slip of the
/// sender widens an audience; so is an idempotencyKey in a list of several, which is done as a whole.
/// Bounds: 100 updates, 1,000 ids a list, 32 faults told.
/// @param own_company  stands in for a missing companyId.
/// @return INVALID_MESSAGE when it is not JSON, VALIDATION_FAILED with `details` [{path, message}]
///         for anything else.
[[nodiscard]] std::expected<std::vector<Update>, Error> parse_updates(
    std::string_view text, const std::optional<CompanyId>& own_company);

/// The `idempotencyKey` of what parse_updates() takes, which has at most one; empty: none.
/// @param text  JSON
[[nodiscard]] std::string idempotency_key_of(std::string_view text);

}  // namespace signalbox::updates
