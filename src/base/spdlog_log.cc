#include "base/spdlog_log.h"

#include <fmt/format.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cerrno>
#include <cstring>

namespace signalbox {

struct SpdlogLog::Writer {
    std::shared_ptr<spdlog::details::thread_pool> thread;
    std::shared_ptr<spdlog::async_logger> logger;

    explicit Writer(spdlog::sink_ptr sink)
        : thread(std::make_shared<spdlog::details::thread_pool>(kLinesMax, 1)),
          logger(std::make_shared<spdlog::async_logger>(
              "signalbox", std::move(sink), thread,
              spdlog::async_overflow_policy::overrun_oldest)) {
        // Levels and the line's whole form are ours.
        logger->set_level(spdlog::level::trace);
        logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
            "%v", spdlog::pattern_time_type::utc, "\n"));
        logger->flush_on(spdlog::level::trace);
    }
};

std::expected<std::unique_ptr<SpdlogLog>, std::string> SpdlogLog::create(const LogOptions& options,
                                                                         const Clock& clock) {
    spdlog::sink_ptr sink;
    if (options.file.empty()) {
        sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
        try {
            sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
        } catch (const spdlog::spdlog_ex&) {
            return std::unexpected(
                fmt::format("cannot open the log file {}: {}", options.file, std::strerror(errno)));
        }
    }
    return std::make_unique<SpdlogLog>(options, clock, std::move(sink));
}

SpdlogLog::SpdlogLog(const LogOptions& options, const Clock& clock, spdlog::sink_ptr sink)
    : format_(options.format),
      level_(options.level),
      clock_(clock),
      writer_(std::make_unique<Writer>(std::move(sink))) {}

SpdlogLog::~SpdlogLog() = default;

void SpdlogLog::write(LogLevel level, std::string_view event,
                      std::initializer_list<LogField> fields) {
    if (!enabled(level)) return;
    const std::string line =
        format_log_line(format_, format_time(clock_.wall_now()), level, event, fields);
    writer_->logger->log(spdlog::level::info, spdlog::string_view_t(line));
}

bool SpdlogLog::enabled(LogLevel level) const {
    return level != LogLevel::kOff && level >= level_.load(std::memory_order_relaxed);
}

void SpdlogLog::set_level(LogLevel level) {
    level_.store(level, std::memory_order_relaxed);
}

std::uint64_t SpdlogLog::dropped() const {
    return writer_->thread->overrun_counter();
}

}  // namespace signalbox
