#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/share.h"

namespace signalbox {

/// Items that wait for a slot, by the deficit round robin of Shreedhar and Varghese: sources take
/// turns, each turn is worth one quantum, and what a source does not use of it is kept for its next
/// turn while it has items waiting. So whoever has much waiting gets no more than the others, and of
/// cheap items more than of dear ones. The quantum is the dearest item since the queue was empty:
/// every turn takes an item, whatever the costs are.
///
/// Threading: confined to one thread, or under the owner's lock.
/// Cost:      has_room(), push(), pop() and erase() in constant time, whatever waits.
/// Bounds:    the owner's: it asks has_room() before push().
template <class T>
class DeficitRoundRobin {
    struct Source;
    using Turns = std::list<Source>;
    struct Waiting {
        T item;
        double cost;
        typename Turns::iterator source;
    };
    struct Source {
        std::string name;
        std::list<Waiting> items;
        double deficit = 0;  // may be taken in this turn
    };

public:
    /// Of an item; until it is popped or erased.
    using Place = typename std::list<Waiting>::iterator;

    /// A source may have as many items waiting as places are left: alone half of `items_max`, with
    /// others that want all an equal part, and who comes next still finds room.
    [[nodiscard]] bool has_room(std::string_view source, std::size_t items_max) const {
        if (size_ >= items_max) return false;
        const auto known = sources_.find(source);
        const std::size_t held = known == sources_.end() ? 0 : known->second->items.size();
        return held < items_max - size_;
    }

    Place push(const Share& share, T item) {
        auto known = sources_.find(share.source);
        if (known == sources_.end()) {
            const auto added =
                turns_.insert(turns_.end(), Source{.name = std::string(share.source), .items = {}});
            known = sources_.emplace(added->name, added).first;
        }
        const auto source = known->second;
        const double cost = std::max(share.cost, 1.0);
        quantum_ = std::max(quantum_, cost);
        ++size_;
        return source->items.insert(source->items.end(), Waiting{std::move(item), cost, source});
    }

    /// The oldest item of the source whose turn it is.
    [[nodiscard]] std::optional<T> pop() {
        if (turns_.empty()) return std::nullopt;
        if (turn_begun_ && turns_.front().items.front().cost > turns_.front().deficit) {
            turns_.splice(turns_.end(), turns_, turns_.begin());
            turn_begun_ = false;
        }
        Source& source = turns_.front();
        if (!std::exchange(turn_begun_, true)) source.deficit += quantum_;
        const Place next = source.items.begin();
        source.deficit -= next->cost;
        std::optional<T> item(std::move(next->item));
        remove(next);
        return item;
    }

    /// It waits no longer.
    T erase(Place place) {
        T item = std::move(place->item);
        remove(place);
        return item;
    }

    [[nodiscard]] std::size_t size() const { return size_; }

private:
    void remove(Place place) {
        const auto source = place->source;
        source->items.erase(place);
        --size_;
        if (!source->items.empty()) return;
        if (source == turns_.begin()) turn_begun_ = false;
        sources_.erase(source->name);
        turns_.erase(source);
        if (turns_.empty()) quantum_ = 0;
    }

    std::size_t size_ = 0;
    double quantum_ = 0;
    Turns turns_;  // those with items; the one whose turn it is first
    bool turn_begun_ = false;
    std::unordered_map<std::string_view, typename Turns::iterator> sources_;  // names of turns_
};

}  // namespace signalbox
