#pragma once

#include <string_view>

namespace signalbox {

/// Whose turn an item waits for, and how much of a turn it takes.
struct Share {
    std::string_view source = {};  ///< a company; empty: the server itself
    double cost = 1;               ///< below 1 counts as 1: a slot is taken whatever is paid
};

}  // namespace signalbox
