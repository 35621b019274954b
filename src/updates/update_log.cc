#include "updates/update_log.h"

#include <algorithm>

namespace signalbox::updates {
namespace {

/// List node, index entry, control block: about what an entry costs beside its texts.
constexpr std::size_t kEntryBytes = 256;

std::size_t text_bytes(const std::vector<std::string>& texts) {
    std::size_t sum = 0;
    for (const std::string& text : texts) sum += sizeof(std::string) + text.size();
    return sum;
}

}  // namespace

std::size_t PositionedUpdate::bytes() const {
    return kEntryBytes + position.size() + envelope.size() + text_bytes(rooms) + text_bytes(except);
}

void UpdateLog::open(const CompanyId& company, std::uint64_t number) {
    const auto [place, is_new] = companies_.try_emplace(company);
    if (is_new) place->second.complete_after = number;
}

void UpdateLog::close(const CompanyId& company) {
    const auto found = companies_.find(company);
    if (found == companies_.end()) return;
    bytes_ -= found->second.bytes;
    for (const auto& entry : found->second.entries) entries_.erase(entry);
    companies_.erase(found);
}

void UpdateLog::append(const CompanyId& company, std::shared_ptr<const PositionedUpdate> update,
                       MonotonicTime now) {
    const auto found = companies_.find(company);
    if (found == companies_.end()) return;
    Company& owner = found->second;
    const std::size_t bytes = update->bytes();
    entries_.push_back({&owner, now, std::move(update)});
    owner.entries.push_back(std::prev(entries_.end()));
    owner.bytes += bytes;
    bytes_ += bytes;
    while (owner.bytes > limits_.company_bytes_max) forget_oldest(owner);
    while (bytes_ > limits_.total_bytes_max) forget_oldest(*entries_.front().company);
    expire(now);
}

void UpdateLog::expire(MonotonicTime now) {
    while (!entries_.empty() && now - entries_.front().time > limits_.age_max) {
        forget_oldest(*entries_.front().company);
    }
}

void UpdateLog::forget_oldest(Company& company) {
    const auto entry = company.entries.front();
    const std::size_t bytes = entry->update->bytes();
    company.complete_after = entry->update->number;
    company.bytes -= bytes;
    bytes_ -= bytes;
    company.entries.pop_front();
    entries_.erase(entry);
}

bool UpdateLog::for_each_after(const CompanyId& company, std::uint64_t number,
                               const Visitor& visit) const {
    const auto found = companies_.find(company);
    if (found == companies_.end() || number < found->second.complete_after) return false;
    const auto& entries = found->second.entries;
    auto entry = std::ranges::upper_bound(entries, number, {},
                                          [](const auto& e) { return e->update->number; });
    for (; entry != entries.end(); ++entry) visit((*entry)->update);
    return true;
}

}  // namespace signalbox::updates
