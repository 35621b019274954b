#pragma once

namespace signalbox::runtime {

/// Connections that may be closed for a newcomer, the longest idle first. Intrusive: joining and
/// leaving take constant time and no memory.
///
/// Ownership: borrows its entries; an entry leaves when it ends.
/// Threading: confined to one thread.
class IdleList {
public:
    class Entry {
    public:
        Entry() = default;
        ~Entry() { leave(); }
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;

        void leave() {
            previous_->next_ = next_;
            next_->previous_ = previous_;
            previous_ = next_ = this;
        }
        [[nodiscard]] bool listed() const { return next_ != this; }

    private:
        friend class IdleList;
        Entry* previous_ = this;
        Entry* next_ = this;
    };

    /// As the one that is idle for the shortest time, wherever it stood.
    void append(Entry& entry) {
        entry.leave();
        entry.previous_ = ends_.previous_;
        entry.next_ = &ends_;
        ends_.previous_->next_ = &entry;
        ends_.previous_ = &entry;
    }
    /// nullptr when empty.
    [[nodiscard]] Entry* oldest() const { return ends_.listed() ? ends_.next_ : nullptr; }

private:
    Entry ends_;
};

}  // namespace signalbox::runtime
