#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "runtime/transport.h"

namespace signalbox::runtime {

class Connection;

/// What connections of a shard have received and not handled yet. Several receive one after another,
/// then all is handled, so that the kernel's code and ours do not drive one another out of the
/// processor's caches at every message.
///
/// Ownership: owns the memory; borrows the connections, which live to the turn's end.
/// Threading: confined to its shard.
/// Order:     what was added first is handled first, all of it before the turn goes on.
/// Bounds:    kInputsMax, and a memory that always leaves room for one more to receive.
class InputBatch {
public:
    static constexpr std::size_t kInputsMax = 32;

    InputBatch();
    /// Where to receive next: Transport::kReadBytesMax.
    [[nodiscard]] std::span<char> room() {
        return {bytes_.get() + used_, Transport::kReadBytesMax};
    }
    /// `result` is of a read into room(). Handles all when no more fits in.
    void add(Connection& connection, IoResult result);
    /// Hands each connection what it has received; one that has retired since hears nothing.
    void handle_all();

private:
    struct Input {
        Connection* connection;
        std::span<char> bytes;
        IoStatus status;
    };

    std::unique_ptr<char[]> bytes_;
    std::size_t used_ = 0;
    std::vector<Input> inputs_;
};

}  // namespace signalbox::runtime
