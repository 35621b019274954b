#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "gateway/gateway.h"

namespace signalbox::gateway {

template <class T>
bool Gateway::gather(std::function<T(Gateway&)> question,
                     std::move_only_function<void(std::vector<T>)> join) {
    struct Gathering {
        std::function<T(Gateway&)> question;
        std::vector<T> answers;
        std::size_t missing;
        std::move_only_function<void(std::vector<T>)> join;
    };
    const ShardIndex count = s_.mesh.shard_count(), asker = s_.mesh.self();
    std::vector<ShardIndex> others;
    for (ShardIndex i = 0; i < count; ++i) {
        if (i != asker) others.push_back(i);
    }
    if (!s_.mesh.try_reserve(others)) return false;
    auto gathering = std::make_shared<Gathering>(
        Gathering{std::move(question), std::vector<T>(count), count, std::move(join)});
    // Only the asker touches what is not const in it.
    const auto answer = [gathering](ShardIndex from, T value) {
        gathering->answers[from] = std::move(value);
        if (--gathering->missing == 0) gathering->join(std::move(gathering->answers));
    };
    for (const ShardIndex shard : others) {
        s_.mesh.post_reserved(shard, [peer = s_.peers[shard], asker, shard, gathering, answer] {
            peer->tell(asker, [shard, answer, value = gathering->question(*peer)](
                                  Gateway&) mutable { answer(shard, std::move(value)); });
        });
    }
    answer(asker, gathering->question(*this));
    return true;
}

}  // namespace signalbox::gateway
