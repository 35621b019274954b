#include "library/event_log.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace signalbox::io::detail {
namespace {

template <class Number>
bool parse_all(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

std::size_t bytes_of(const LoggedEvent& logged) {
    std::size_t bytes = sizeof(LoggedEvent) + logged.event->name.size();
    bytes += logged.event->args.json().size();
    for (const std::string& attachment : logged.event->args.attachments())
        bytes += attachment.size();
    for (const std::string& room : logged.to.rooms) bytes += room.size();
    for (const std::string& room : logged.to.except) bytes += room.size();
    return bytes;
}

bool intersect(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    return std::ranges::any_of(
        a, [&](const std::string& one) { return std::ranges::find(b, one) != b.end(); });
}

}  // namespace

bool Selection::includes(const std::vector<std::string>& own_rooms) const {
    return (rooms.empty() || intersect(rooms, own_rooms)) && !intersect(except, own_rooms);
}

std::string Stamp::offset() const {
    return std::to_string(origin) + '-' + std::to_string(number);
}

std::optional<Stamp> Stamp::parse(std::string_view offset) {
    Stamp stamp;
    const std::size_t dash = offset.find('-');
    if (dash == std::string_view::npos || !parse_all(offset.substr(0, dash), stamp.origin) ||
        !parse_all(offset.substr(dash + 1), stamp.number)) {
        return std::nullopt;
    }
    return stamp;
}

bool Progress::covers(Stamp stamp) const {
    return stamp.origin < highest_.size() && stamp.number <= highest_[stamp.origin];
}

void Progress::advance(Stamp stamp) {
    if (highest_.size() <= stamp.origin) highest_.resize(stamp.origin + 1);
    highest_[stamp.origin] = std::max(highest_[stamp.origin], stamp.number);
}

void EventLog::append(LoggedEvent event, MonotonicTime now) {
    expire(now);
    progress_.advance(event.stamp);
    const std::size_t bytes = bytes_of(event);
    positions_.emplace(event.stamp, end());
    entries_.push_back({std::move(event), now, bytes});
    bytes_ += bytes;
    while (bytes_ > limits_.bytes_max) drop_oldest();
}

std::optional<EventLog::Position> EventLog::resume_at(std::string_view offset, Position joined,
                                                      MonotonicTime now) {
    expire(now);
    Position from = joined;
    const auto stamp = Stamp::parse(offset);
    const auto found = stamp ? positions_.find(*stamp) : positions_.end();
    if (found != positions_.end()) from = std::max(from, found->second + 1);
    if (from < first_) return std::nullopt;
    return from;
}

void EventLog::for_each_from(Position from,
                             const std::function<void(const LoggedEvent&)>& visit) const {
    for (Position at = std::max(from, first_); at < end(); ++at) visit(entries_[at - first_].event);
}

void EventLog::expire(MonotonicTime now) {
    while (!entries_.empty() && entries_.front().time + limits_.kept < now) drop_oldest();
}

void EventLog::drop_oldest() {
    positions_.erase(entries_.front().event.stamp);
    bytes_ -= entries_.front().bytes;
    entries_.pop_front();
    ++first_;
}

}  // namespace signalbox::io::detail
