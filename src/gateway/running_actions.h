#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "actions/executor.h"
#include "auth/principal.h"
#include "base/error_code.h"
#include "gateway/options.h"

namespace signalbox::gateway {

/// Counts the actions that go on after the call that started them, of each user, each company and
/// in all: what bounds those whose caller has gone, since a new connection brings new slots.
///
/// Ownership: outlives the sinks that it has given out.
/// Threading: confined to its shard.
class RunningActions {
public:
    /// RATE_LIMITED when the user or company, OVERLOADED when the shard has as many as `limits`
    /// allow. Of the shard's a company may have four times as many as are left: alone four fifths,
    /// so that others still find some.
    [[nodiscard]] std::optional<Error> refusal(const auth::Principal& who,
                                               const LimitOptions& limits) const;
    /// One more of that user's, until the sink is destroyed.
    [[nodiscard]] std::unique_ptr<actions::ExecutionSink> counted(
        const auth::Principal& who, std::unique_ptr<actions::ExecutionSink> sink);

private:
    class CountedSink;
    struct Company {
        std::unordered_map<UserId, std::size_t> users;  // those with any
        std::size_t all = 0;
    };
    std::unordered_map<CompanyId, Company> companies_;  // those with any
    std::size_t all_ = 0;
};

}  // namespace signalbox::gateway
