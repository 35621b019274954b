#pragma once

#include <optional>
#include <string_view>

#include "base/executor.h"
#include "base/fixed_text.h"
#include "base/random.h"

/// Engine.IO session ids: 2 characters shard, 3 node, 15 random (90 bits), all of Random::id()'s
/// alphabet. A sid is a secret: whoever has it can speak for the session.
namespace signalbox::engineio {

inline constexpr std::size_t kSidCharacters = 20, kSidNodeCharacters = 3;
using Sid = FixedText<kSidCharacters>;
inline constexpr ShardIndex kSidShardMax = 64 * 64 - 1;

/// `shard` <= kSidShardMax; `node` has kSidNodeCharacters.
[[nodiscard]] Sid make_sid(ShardIndex shard, std::string_view node, Random& random);

/// @return the shard in `sid`, or nullopt when make_sid() cannot have made it.
[[nodiscard]] std::optional<ShardIndex> shard_of_sid(std::string_view sid);

}  // namespace signalbox::engineio
