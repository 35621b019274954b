#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "base/ids.h"

namespace signalbox::updates {

/// Positions of companies' updates on their home shard: `{epoch}-{number}`, opaque to clients. The
/// number rises by one with each update of the company, so that it says nothing of other companies.
/// The epoch is new with each start of the process, so that no position is given twice.
///
/// Threading: confined to the home shard.
/// Bounds:    remembers companies_max companies. One more makes it forget all; each then goes on
///            above every number given so far: a gap, never a repetition.
class CompanyPositions {
public:
    /// @param epoch          unique for the life of the process.
    /// @param companies_max  > 0.
    explicit CompanyPositions(std::string epoch, std::size_t companies_max = 65'536)
        : epoch_(std::move(epoch)), companies_max_(companies_max) {}

    [[nodiscard]] const std::string& epoch() const { return epoch_; }
    /// The next update's number.
    [[nodiscard]] std::uint64_t next(const CompanyId& company) { return ++counter_of(company); }
    /// A number below the next one's and not below any that was given.
    [[nodiscard]] std::uint64_t current(const CompanyId& company) const {
        const auto found = last_.find(company);
        return found == last_.end() ? base_ : found->second;
    }

private:
    std::uint64_t& counter_of(const CompanyId& company) {
        const auto found = last_.find(company);
        if (found != last_.end()) return found->second;
        if (last_.size() >= companies_max_) forget_all();
        return last_.emplace(company, base_).first->second;
    }
    void forget_all() {
        for (const auto& [company, last] : last_) base_ = std::max(base_, last);
        last_.clear();
    }

    std::string epoch_;
    std::size_t companies_max_;
    std::uint64_t base_ = 0;  // no forgotten company has had a higher number
    std::unordered_map<CompanyId, std::uint64_t> last_;
};

}  // namespace signalbox::updates
