#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace signalbox {

void check_failed(const char* condition, std::source_location where) {
    std::fprintf(stderr, "%s:%u: invariant broken: %s\n", where.file_name(), where.line(),
                 condition);
    std::abort();
}

}  // namespace signalbox
