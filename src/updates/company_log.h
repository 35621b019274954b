#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"

namespace signalbox::updates {

/// Positions of companies' updates on their home shard: `{epoch}-{n}`, opaque to clients. The epoch
/// is new with each start of the process, so that no position is given twice; `n` rises with every
/// update of any company of the shard, so that nothing needs remembering for a company. Threading:
/// confined to the home shard.
class CompanyPositions {
public:
    /// @param epoch  random; unique for the life of the process.
    explicit CompanyPositions(std::string epoch) : epoch_(std::move(epoch)) {}

    [[nodiscard]] std::string next(const CompanyId&) {
        return epoch_ + '-' + std::to_string(++last_);
    }

private:
    std::string epoch_;
    std::uint64_t last_ = 0;
};

}  // namespace signalbox::updates
