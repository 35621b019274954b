#pragma once

#include <cstddef>

namespace signalbox::runtime {

/// The transports of a shard that were used last: these keep the memory that their next call needs
/// again, the others give it back. So busy connections allocate nothing, and idle ones hold nothing.
///
/// Ownership: borrows its members, which leave when they end or move.
/// Threading: confined to its shard.
/// Cost:      constant.
/// Bounds:    kMax members.
class WarmTransports {
public:
    static constexpr std::size_t kMax = 256;

    class Member {
    public:
        Member() = default;
        Member(const Member&) = delete;
        Member& operator=(const Member&) = delete;
        /// To give back what it keeps for its next call.
        virtual void cool_down() = 0;

    protected:
        ~Member() { leave(); }
        /// It is about to be used elsewhere.
        void leave() {
            if (home_ != nullptr) home_->remove(*this);
        }

    private:
        friend class WarmTransports;
        WarmTransports* home_ = nullptr;
        Member* newer_ = nullptr;
        Member* older_ = nullptr;
    };

    WarmTransports() = default;
    ~WarmTransports();
    WarmTransports(const WarmTransports&) = delete;
    WarmTransports& operator=(const WarmTransports&) = delete;

    /// `member` has been used: whoever was not for the longest time may have to cool down.
    void note_use(Member& member);

private:
    void remove(Member& member);

    std::size_t size_ = 0;
    Member* newest_ = nullptr;
    Member* oldest_ = nullptr;
};

}  // namespace signalbox::runtime
