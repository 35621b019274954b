#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace signalbox {

/// A queue that its sources share: one item of each in turn, so that none waits for another's many.
///
/// Threading: confined to one thread.
/// Bounds:    items_max items; over it the newest of the source that has most makes room.
template <class T>
class FairQueue {
public:
    /// @param items_max  of all sources; > 0.
    explicit FairQueue(std::size_t items_max) : items_max_(items_max) {}

    /// @return what had to make room, which may be `item` itself.
    [[nodiscard]] std::optional<T> push(const std::string& source, T item) {
        std::optional<T> dropped;
        if (size_ >= items_max_) {
            const auto largest = std::ranges::max_element(
                turns_, {}, [](const Source& one) { return one.items.size(); });
            const auto own = sources_.find(source);
            const std::size_t held = own == sources_.end() ? 0 : own->second->items.size();
            if (held >= largest->items.size()) return item;
            dropped.emplace(std::move(largest->items.back()));
            largest->items.pop_back();
            --size_;
            if (largest->items.empty()) forget(largest);
        }
        const auto [known, is_new] = sources_.try_emplace(source);
        if (is_new) known->second = turns_.insert(turns_.end(), Source{source, {}});
        known->second->items.push_back(std::move(item));
        ++size_;
        return dropped;
    }

    /// The oldest item of the source whose turn it is.
    [[nodiscard]] std::optional<T> pop() {
        if (turns_.empty()) return std::nullopt;
        const auto turn = turns_.begin();
        std::optional<T> item(std::move(turn->items.front()));
        turn->items.pop_front();
        --size_;
        if (turn->items.empty()) {
            forget(turn);
        } else {
            turns_.splice(turns_.end(), turns_, turn);
        }
        return item;
    }

    [[nodiscard]] std::size_t size() const { return size_; }

private:
    struct Source {
        std::string name;
        std::deque<T> items;
    };
    using Turns = std::list<Source>;

    void forget(typename Turns::iterator source) {
        sources_.erase(source->name);
        turns_.erase(source);
    }

    std::size_t items_max_;
    std::size_t size_ = 0;
    Turns turns_;  // the next to be asked first
    std::unordered_map<std::string, typename Turns::iterator> sources_;
};

}  // namespace signalbox
