#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What a fuzz target reads out of the bytes that it is given: choices first, then the text.
namespace signalbox::fuzz {

/// Sizes of pieces, chosen by the input and used again from the first when they are used up.
class Cuts {
public:
    explicit Cuts(std::string_view sizes) : sizes_(sizes) {}

    /// Takes the next piece from the front of `text`: at least one byte unless it is empty.
    std::string_view next_piece(std::string_view& text) {
        const std::size_t size = std::min(next_size(), text.size());
        const std::string_view piece = text.substr(0, size);
        text.remove_prefix(size);
        return piece;
    }

private:
    std::size_t next_size() {
        if (sizes_.empty()) return 1;
        const auto size = static_cast<std::uint8_t>(sizes_[at_]);
        at_ = (at_ + 1) % sizes_.size();
        return size == 0 ? 1 : size;
    }

    std::string_view sizes_;
    std::size_t at_ = 0;
};

/// Ownership: borrows the bytes.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size)
        : bytes_(reinterpret_cast<const char*>(data), size) {}

    /// 0 when there is none left.
    std::uint8_t byte() {
        if (bytes_.empty()) return 0;
        const auto byte = static_cast<std::uint8_t>(bytes_.front());
        bytes_.remove_prefix(1);
        return byte;
    }

    /// A byte that says how many follow (0 to 15), then these.
    Cuts cuts() {
        const std::size_t count = byte() % 16;
        const std::string_view sizes = bytes_.substr(0, count);
        bytes_.remove_prefix(sizes.size());
        return Cuts(sizes);
    }

    [[nodiscard]] std::string_view rest() const { return bytes_; }

private:
    std::string_view bytes_;
};

}  // namespace signalbox::fuzz

/// Called by libFuzzer for each input, and by the replay of the corpora for each file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
