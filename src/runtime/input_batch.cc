#include "runtime/input_batch.h"

#include "runtime/connection.h"

namespace signalbox::runtime {

InputBatch::InputBatch()
    : bytes_(std::make_unique_for_overwrite<char[]>(2 * Transport::kReadBytesMax)) {}

void InputBatch::add(Connection& connection, IoResult result) {
    const bool nothing = result.bytes == 0 && result.status != IoStatus::kClosed &&
                         result.status != IoStatus::kError;
    if (nothing) return;
    inputs_.push_back({&connection, room().first(result.bytes), result.status});
    used_ += result.bytes;
    if (inputs_.size() == kInputsMax || used_ > Transport::kReadBytesMax) handle_all();
}

void InputBatch::handle_all() {
    for (const Input& input : inputs_) input.connection->take_input(input.bytes, input.status);
    inputs_.clear();
    used_ = 0;
}

}  // namespace signalbox::runtime
