#include "base/spdlog_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/file_helper.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace signalbox {

namespace {

/// What a file is called when it cannot be opened.
constexpr std::string_view kLogFile = "log file";
constexpr std::string_view kAuditFile = "audit file";

/// A file that is made is not everybody's to read, whatever the umask: it has ids and addresses.
/// @return false with errno set when there is none and none can be made.
bool make_private(const std::string& name) {
    constexpr mode_t kOwnerAndGroup = 0640;
    const int made = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kOwnerAndGroup);
    if (made >= 0) ::close(made);
    return made >= 0 || errno == EEXIST;
}

/// Appends to a file that can be opened anew.
class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    /// Has no file before reopen() succeeds.
    FileSink(std::string_view kind, std::string name) : kind_(kind), name_(std::move(name)) {}

    /// @return why it cannot be opened; the one before is kept.
    [[nodiscard]] std::optional<std::string> reopen() {
        auto fresh = open();
        if (!fresh) {
            return fmt::format("cannot open the {} {}: {}", kind_, name_, std::strerror(errno));
        }
        const std::lock_guard lock(mutex_);
        file_ = std::move(fresh);
        return std::nullopt;
    }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        file_->write(line);
    }
    void flush_() override { file_->flush(); }

private:
    /// @return nullptr with errno set when it fails.
    [[nodiscard]] std::unique_ptr<spdlog::details::file_helper> open() const {
        // Before spdlog, which would make the folder.
        if (!make_private(name_)) return nullptr;
        try {
            auto file = std::make_unique<spdlog::details::file_helper>();
            file->open(name_, false);
            return file;
        } catch (const spdlog::spdlog_ex&) {
            return nullptr;
        }
    }

    const std::string_view kind_;
    const std::string name_;
    std::unique_ptr<spdlog::details::file_helper> file_;
};

std::expected<spdlog::sink_ptr, std::string> file_sink(std::string_view kind,
                                                       const std::string& name) {
    auto sink = std::make_shared<FileSink>(kind, name);
    if (auto problem = sink->reopen()) return std::unexpected(std::move(*problem));
    return sink;
}

}  // namespace

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

    void write(const std::string& line) const {
        logger->log(spdlog::level::info, spdlog::string_view_t(line));
    }
    void reopen(std::vector<std::string>& problems) const {
        auto* const file = dynamic_cast<FileSink*>(logger->sinks().front().get());
        if (file == nullptr) return;
        if (auto problem = file->reopen()) problems.push_back(std::move(*problem));
    }
};

std::expected<std::unique_ptr<SpdlogLog>, std::string> SpdlogLog::create(const LogOptions& options,
                                                                         const Clock& clock) {
    spdlog::sink_ptr sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    if (!options.file.empty()) {
        auto file = file_sink(kLogFile, options.file);
        if (!file) return std::unexpected(std::move(file.error()));
        sink = std::move(*file);
    }
    spdlog::sink_ptr audit_sink;
    if (!options.audit_file.empty()) {
        auto file = file_sink(kAuditFile, options.audit_file);
        if (!file) return std::unexpected(std::move(file.error()));
        audit_sink = std::move(*file);
    }
    return std::make_unique<SpdlogLog>(options, clock, std::move(sink), std::move(audit_sink));
}

SpdlogLog::SpdlogLog(const LogOptions& options, const Clock& clock, spdlog::sink_ptr sink,
                     spdlog::sink_ptr audit_sink)
    : format_(options.format),
      level_(options.level),
      clock_(clock),
      writer_(std::make_unique<Writer>(std::move(sink))) {
    if (audit_sink) audit_writer_ = std::make_unique<Writer>(std::move(audit_sink));
}

SpdlogLog::~SpdlogLog() = default;

void SpdlogLog::write(LogLevel level, std::string_view event,
                      std::initializer_list<LogField> fields) {
    if (!enabled(level)) return;
    const std::string line =
        format_log_line(format_, format_time(clock_.wall_now()), level, event, fields);
    writer_->write(line);
}

bool SpdlogLog::enabled(LogLevel level) const {
    const LogLevel least = level_.load(std::memory_order_relaxed);
    if (level == LogLevel::kAudit) return least != LogLevel::kOff;
    return level != LogLevel::kOff && level >= least;
}

void SpdlogLog::audit(AuditSubject subject, std::string_view event,
                      std::initializer_list<LogField> fields) {
    if (subject != AuditSubject::kManagement) {
        const bool stranger = subject == AuditSubject::kStrangerRefusal;
        std::uint64_t suppressed = 0;
        if (!admit(stranger ? strangers_ : known_, suppressed)) return;
        if (suppressed > 0) {
            write_audit("audit.suppressed",
                        {{"of", stranger ? "strangers" : "known"}, {"refusals", suppressed}});
        }
    }
    write_audit(event, fields);
}

bool SpdlogLog::admit(Refusals& refusals, std::uint64_t& suppressed) {
    const MonotonicTime now = clock_.monotonic_now();
    const std::lock_guard lock(refusals_mutex_);
    if (now - refusals.since >= std::chrono::seconds(1)) {
        refusals.since = now;
        refusals.admitted = 0;
        suppressed = std::exchange(refusals.suppressed, 0);
    }
    if (refusals.admitted == kRefusalsASecond) {
        ++refusals.suppressed;
        return false;
    }
    ++refusals.admitted;
    return true;
}

void SpdlogLog::write_audit(std::string_view event, std::initializer_list<LogField> fields) {
    write(LogLevel::kAudit, event, fields);
    if (!audit_writer_) return;
    audit_writer_->write(format_log_line(LogFormat::kJson, format_time(clock_.wall_now()),
                                         LogLevel::kAudit, event, fields));
}

std::vector<std::string> SpdlogLog::reopen() {
    std::vector<std::string> problems;
    writer_->reopen(problems);
    if (audit_writer_) audit_writer_->reopen(problems);
    return problems;
}

void SpdlogLog::set_level(LogLevel level) {
    level_.store(level, std::memory_order_relaxed);
}

std::uint64_t SpdlogLog::dropped() const {
    return writer_->thread->overrun_counter() +
           (audit_writer_ ? audit_writer_->thread->overrun_counter() : 0);
}

}  // namespace signalbox
