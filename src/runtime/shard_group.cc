#include "runtime/shard_group.h"

#include <pthread.h>

#include <latch>
#include <string>

#include "base/check.h"

namespace signalbox::runtime {

ShardGroup::ShardGroup(ShardGroupOptions options) : system_clock_(std::make_unique<SystemClock>()) {
    SB_CHECK(options.shards > 0);
    const Clock& clock = options.clock != nullptr ? *options.clock : *system_clock_;
    shards_.reserve(options.shards);
    for (ShardIndex i = 0; i < options.shards; ++i) {
        owned_.emplace_back(new Shard(i, shards_, clock, options.mailbox_tasks_max));
        shards_.push_back(owned_.back().get());
    }
}

ShardGroup::~ShardGroup() {
    stop();
}

void ShardGroup::start() {
    SB_CHECK(threads_.empty());
    for (Shard* shard : shards_) {
        threads_.emplace_back([shard] { shard->run(); });
        const std::string name = "shard-" + std::to_string(shard->index());
        ::pthread_setname_np(threads_.back().native_handle(), name.c_str());
    }
}

void ShardGroup::run_on_all(const std::function<void(Shard&)>& task) {
    std::latch done(size());
    for (Shard* shard : shards_) {
        shard->mesh().post([&task, &done, shard] {
            task(*shard);
            done.count_down();
        });
    }
    done.wait();
}

void ShardGroup::join() {
    for (Shard* shard : shards_) shard->mesh().post([shard] { shard->stopping_ = true; });
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
}

void ShardGroup::stop() {
    join();
    for (Shard* shard : shards_) shard->mailbox_.close();
}

}  // namespace signalbox::runtime
