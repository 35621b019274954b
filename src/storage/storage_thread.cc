#include "storage/storage_thread.h"

#include <algorithm>

#include "base/check.h"

namespace signalbox::storage {

StorageThread::StorageThread(SqliteDatabase& database, std::size_t queue_max)
    : database_(database), queue_max_(queue_max), thread_([this] { work(); }) {
    SB_CHECK(queue_max > 0);
}

StorageThread::~StorageThread() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wakeup_.notify_one();
    thread_.join();
}

void StorageThread::submit(std::unique_ptr<StorageJob> job) {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() < queue_max_) waiting_.push_back(std::move(job));
    }
    if (job == nullptr) {
        wakeup_.notify_one();
    } else {
        job->answer(StorageJob::Outcome::kFailed);
    }
}

/// @return the jobs to run next; none when it is time to stop.
StorageThread::Batch StorageThread::next_batch() {
    std::unique_lock lock(mutex_);
    wakeup_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    Batch batch;
    while (!waiting_.empty() && batch.size() < kBatchMax) {
        batch.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    return batch;
}

void StorageThread::work() {
    for (Batch batch = next_batch(); !batch.empty(); batch = next_batch()) {
        const auto outcome =
            run(batch) ? StorageJob::Outcome::kCommitted : StorageJob::Outcome::kFailed;
        for (const auto& job : batch) job->answer(outcome);
    }
}

std::expected<void, SqliteError> StorageThread::run(const Batch& batch) {
    using Kind = StorageJob::Kind;
    using Synchronous = SqliteDatabase::Synchronous;
    const Kind most =
        (*std::ranges::max_element(batch, {}, [](const auto& job) { return job->kind(); }))->kind();
    const bool writes = most != Kind::kRead;
    std::expected<void, SqliteError> result;
    if (writes) {
        result = database_.set_synchronous(most == Kind::kDurableWrite ? Synchronous::kFull
                                                                       : Synchronous::kNormal);
    }
    if (result && writes) result = database_.execute("BEGIN IMMEDIATE");
    for (auto job = batch.begin(); result && job != batch.end(); ++job) result = (*job)->run();
    if (result && writes) result = database_.execute("COMMIT");
    if (!result && database_.in_transaction()) static_cast<void>(database_.execute("ROLLBACK"));
    return result;
}

}  // namespace signalbox::storage
