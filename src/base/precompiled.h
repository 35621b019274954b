// Parsed once for all layers: the standard headers that nearly every file includes, and simdjson.
// Only for speed: each file still includes what it uses (script/check-headers compiles them alone).
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>
