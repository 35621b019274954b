#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace signalbox::updates {

/// A place in what one connection was sent, as its client gives it back: `{epoch}-{number}` after
/// an update (the company's position), `{epoch}-{number}.{private_number}` after a private message
/// that followed that update.
struct Offset {
    std::string_view epoch;  ///< of the home shard's positions; borrowed
    std::uint64_t number = 0;
    std::optional<std::uint64_t> private_number;
};

[[nodiscard]] std::string offset_text(const Offset& offset);
void append_offset(std::string& out, const Offset& offset);
/// @return nullopt for what offset_text() never gives.
[[nodiscard]] std::optional<Offset> parse_offset(std::string_view text);

}  // namespace signalbox::updates
