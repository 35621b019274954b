#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"

namespace spdlog::sinks {
class sink;
}

namespace signalbox {

struct LogOptions {
    LogFormat format = LogFormat::kText;
    LogLevel level = LogLevel::kInfo;
    std::string file;        ///< appended to, made with mode 0640, its folder not; empty: stderr
    std::string audit_file;  ///< likewise, for the audit beside the log; empty: there alone
};

/// The program's log over spdlog: lines are formatted by the caller and written by one thread, the
/// lines of the audit's file, always JSON, by another.
///
/// Ownership: owns the threads; borrows the clock. The destructor writes what waits.
/// Threading: any thread. A call never waits for the disk, except reopen().
/// Bounds:    kLinesMax lines wait; then the oldest is dropped and counted. Of refusals the audit
///            has kRefusalsASecond, strangers' and others' apart; how many more there were is in
///            the next `audit.suppressed`.
/// Errors:    a write that fails loses its line; spdlog says so on stderr, at most once a second.
class SpdlogLog final : public Log {
public:
    static constexpr std::size_t kLinesMax = 8'192;
    static constexpr std::uint64_t kRefusalsASecond = 50;

    /// @return "cannot open the log file logs/x.log: …", "cannot open the audit file …".
    [[nodiscard]] static std::expected<std::unique_ptr<SpdlogLog>, std::string> create(
        const LogOptions& options, const Clock& clock);
    /// Writes to `sink` instead of options.file, and the audit's lines, if any, to `audit_sink`.
    SpdlogLog(const LogOptions& options, const Clock& clock,
              std::shared_ptr<spdlog::sinks::sink> sink,
              std::shared_ptr<spdlog::sinks::sink> audit_sink = {});
    ~SpdlogLog() override;

    void write(LogLevel level, std::string_view event,
               std::initializer_list<LogField> fields) override;
    [[nodiscard]] bool enabled(LogLevel level) const override;
    void audit(AuditSubject subject, std::string_view event,
               std::initializer_list<LogField> fields) override;
    /// Opens the files anew, which may have been moved away; what cannot be opened stays as it was.
    /// @return why, in sentences.
    [[nodiscard]] std::vector<std::string> reopen();
    /// kOff silences it.
    void set_level(LogLevel level);
    /// Lines lost so far because more than kLinesMax waited.
    [[nodiscard]] std::uint64_t dropped() const;

private:
    struct Writer;
    /// Refusals of one kind within a second.
    struct Refusals {
        MonotonicTime since{};
        std::uint64_t admitted = 0;
        std::uint64_t suppressed = 0;
    };
    /// @return whether there is room for one more, and what there was no room for before.
    [[nodiscard]] bool admit(Refusals& refusals, std::uint64_t& suppressed);
    void write_audit(std::string_view event, std::initializer_list<LogField> fields);

    LogFormat format_;
    std::atomic<LogLevel> level_;
    const Clock& clock_;
    std::mutex refusals_mutex_;
    Refusals known_, strangers_;
    std::unique_ptr<Writer> writer_;
    std::unique_ptr<Writer> audit_writer_;  // nullptr: no file of its own
};

}  // namespace signalbox
