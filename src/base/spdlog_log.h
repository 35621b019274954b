#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"

namespace spdlog::sinks {
class sink;
}

namespace signalbox {

struct LogOptions {
    LogFormat format = LogFormat::kText;
    LogLevel level = LogLevel::kInfo;
    std::string file;  ///< appended to; empty: stderr
};

/// The program's log over spdlog: lines are formatted by the caller and written by one thread.
///
/// Ownership: owns the thread; borrows the clock. The destructor writes what waits.
/// Threading: any thread. A call never waits for the disk.
/// Bounds:    kLinesMax lines wait; then the oldest is dropped and counted.
/// Errors:    a write that fails loses its line; spdlog says so on stderr, at most once a second.
class SpdlogLog final : public Log {
public:
    static constexpr std::size_t kLinesMax = 8'192;

    /// @return "cannot open the log file logs/x.log: …".
    [[nodiscard]] static std::expected<std::unique_ptr<SpdlogLog>, std::string> create(
        const LogOptions& options, const Clock& clock);
    /// Writes to `sink` instead of options.file.
    SpdlogLog(const LogOptions& options, const Clock& clock,
              std::shared_ptr<spdlog::sinks::sink> sink);
    ~SpdlogLog() override;

    void write(LogLevel level, std::string_view event,
               std::initializer_list<LogField> fields) override;
    [[nodiscard]] bool enabled(LogLevel level) const override;
    /// kOff silences it.
    void set_level(LogLevel level);
    /// Lines lost so far because more than kLinesMax waited.
    [[nodiscard]] std::uint64_t dropped() const;

private:
    struct Writer;
    LogFormat format_;
    std::atomic<LogLevel> level_;
    const Clock& clock_;
    std::unique_ptr<Writer> writer_;
};

}  // namespace signalbox
