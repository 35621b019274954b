#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <utility>

namespace signalbox {

/// Something that has input waiting.
class InputReader {
public:
    /// Reads what waits, some kilobytes at most. @return what it cost: bytes, with some for the
    /// reading itself.
    virtual std::size_t read_in_turn() = 0;

protected:
    ~InputReader() = default;
};

/// Connections that take turns as one at being read, however many they are: those of a company on
/// one shard. Made by who knows whose they are; what is in it is runtime/read_turns.h's.
///
/// Ownership: by its handles. One handle is one pointer, since every connection has one.
/// Threading: confined to its shard.
class InputShare {
public:
    struct State {
        std::size_t handles = 0;
        std::size_t connections = 0;
        std::uint64_t turn = 0;   ///< of the shard's loop, in which `spent` was
        std::int64_t spent = 0;   ///< in that turn, by reading at once
        std::int64_t credit = 0;  ///< of those that wait; below 0: debt
        std::list<InputReader*> waiting;
    };

    /// None.
    InputShare() = default;
    [[nodiscard]] static InputShare make() { return InputShare(new State); }
    InputShare(const InputShare& other) : InputShare(other.state_) {}
    InputShare(InputShare&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    InputShare& operator=(InputShare other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    ~InputShare() {
        if (state_ != nullptr && --state_->handles == 0) delete state_;
    }

    explicit operator bool() const { return state_ != nullptr; }
    State* operator->() const { return state_; }
    friend bool operator==(const InputShare&, const InputShare&) = default;

private:
    explicit InputShare(State* state) : state_(state) {
        if (state_ != nullptr) ++state_->handles;
    }
    State* state_ = nullptr;
};

}  // namespace signalbox
