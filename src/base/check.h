#pragma once

#include <source_location>

namespace signalbox {

/// Reports a broken invariant of our own on stderr and aborts the process.
[[noreturn]] void check_failed(const char* condition, std::source_location where);

}  // namespace signalbox

/// An invariant of our own code, checked in every build. Never reachable from a peer's input.
#define SB_CHECK(condition)                                                         \
    do {                                                                            \
        if (!(condition)) [[unlikely]] {                                            \
            ::signalbox::check_failed(#condition, std::source_location::current()); \
        }                                                                           \
    } while (false)
