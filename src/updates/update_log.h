#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace signalbox::updates {

/// An update with its position, as every shard and the log have it: immutable, shared.
struct PositionedUpdate {
    std::uint64_t number = 0;
    std::string position;
    std::vector<std::string> rooms;
    std::vector<std::string> except;
    std::string envelope;
    bool is_volatile = false;

    [[nodiscard]] std::size_t bytes() const;
};

/// The last updates of companies, on their home shard, for clients that come back.
///
/// Threading: confined to its shard.
/// Bounds:    each update is kept for age_max, within company_bytes_max for its company and
///            total_bytes_max for all; what exceeds them is forgotten, the oldest first.
/// Errors:    what was forgotten is told (for_each_after), never left out in silence.
class UpdateLog {
public:
    struct Limits {
        std::size_t company_bytes_max;
        std::size_t total_bytes_max;
        Milliseconds age_max;
    };
    explicit UpdateLog(Limits limits) : limits_(limits) {}

    /// Begins to keep a company's updates above `number`; nothing changes when it has begun.
    void open(const CompanyId& company, std::uint64_t number);
    /// Forgets the company.
    void close(const CompanyId& company);
    /// Keeps it when the company is open. Numbers of a company rise, `now` never falls.
    void append(const CompanyId& company, std::shared_ptr<const PositionedUpdate> update,
                MonotonicTime now);
    void expire(MonotonicTime now);

    using Visitor = std::function<void(const std::shared_ptr<const PositionedUpdate>&)>;
    /// Visits what was appended above `number`, oldest first.
    /// @return false, and nothing was visited, when some of it may have been forgotten.
    [[nodiscard]] bool for_each_after(const CompanyId& company, std::uint64_t number,
                                      const Visitor& visit) const;

    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    struct Company;
    struct Entry {
        Company* company;
        MonotonicTime time;
        std::shared_ptr<const PositionedUpdate> update;
    };
    using Entries = std::list<Entry>;
    struct Company {
        std::uint64_t complete_after = 0;  // everything above it that was appended is here
        std::size_t bytes = 0;
        std::deque<Entries::iterator> entries;
    };
    void forget_oldest(Company& company);

    Limits limits_;
    Entries entries_;  // of all companies, oldest first
    std::unordered_map<CompanyId, Company> companies_;
    std::size_t bytes_ = 0;
};

}  // namespace signalbox::updates
