#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/sqlite.h"

namespace signalbox::storage {

/// One request to the database and where its answer goes.
class StorageJob {
public:
    /// kDurableWrite: its commit survives the end of the machine (SqliteDatabase::Synchronous).
    enum class Kind : std::uint8_t { kRead, kWrite, kDurableWrite };
    enum class Outcome : std::uint8_t { kCommitted, kFailed };

    explicit StorageJob(Kind kind) : kind_(kind) {}
    virtual ~StorageJob() = default;
    [[nodiscard]] Kind kind() const { return kind_; }

    /// Runs on the storage thread, inside the batch's transaction. @return the error that spoils
    /// the batch.
    [[nodiscard]] virtual std::expected<void, SqliteError> run() = 0;
    /// Called once, after the batch's commit or failure; posts the answer, never runs it.
    virtual void answer(Outcome outcome) = 0;

private:
    Kind kind_;
};

/// The thread that alone touches a database. Jobs run in the order of submit(); those that wait are
/// taken together, run in one transaction and answered after its commit. When one fails, the batch
/// is rolled back and all of it is answered kFailed: errors here are the disk's, not a job's.
///
/// Ownership: owns the thread and the waiting jobs; borrows the database, which must outlive it and
///            is not touched by others meanwhile. The destructor runs what waits, then joins.
/// Threading: submit() from any thread.
/// Bounds:    queue_max jobs wait; kBatchMax share a transaction.
class StorageThread {
public:
    static constexpr std::size_t kBatchMax = 512;

    /// @param queue_max  > 0.
    StorageThread(SqliteDatabase& database, std::size_t queue_max);
    ~StorageThread();
    StorageThread(const StorageThread&) = delete;
    StorageThread& operator=(const StorageThread&) = delete;

    /// A job that finds the queue full is answered kFailed within the call.
    void submit(std::unique_ptr<StorageJob> job);

private:
    using Batch = std::vector<std::unique_ptr<StorageJob>>;

    void work();
    [[nodiscard]] Batch next_batch();
    [[nodiscard]] std::expected<void, SqliteError> run(const Batch& batch);

    SqliteDatabase& database_;
    const std::size_t queue_max_;
    std::mutex mutex_;
    std::condition_variable wakeup_;
    std::deque<std::unique_ptr<StorageJob>> waiting_;  // guarded by mutex_
    bool stopping_ = false;                            // guarded by mutex_
    std::thread thread_;
};

}  // namespace signalbox::storage
