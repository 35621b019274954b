#include "engineio/sid.h"

#include <algorithm>

#include "base/check.h"

namespace signalbox::engineio {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

Sid make_sid(ShardIndex shard, std::string_view node, Random& random) {
    SB_CHECK(shard <= kSidShardMax && node.size() == kSidNodeCharacters);
    std::string sid{kDigits[shard / 64], kDigits[shard % 64]};
    sid += node;
    sid += random.id(kSidCharacters - sid.size());
    return Sid(sid);
}

std::optional<ShardIndex> shard_of_sid(std::string_view sid) {
    if (sid.size() != kSidCharacters) return std::nullopt;
    if (sid.find_first_not_of(kDigits) != std::string_view::npos) return std::nullopt;
    return static_cast<ShardIndex>(kDigits.find(sid[0]) * 64 + kDigits.find(sid[1]));
}

}  // namespace signalbox::engineio
