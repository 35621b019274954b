#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace signalbox {

/// kAudit is above them all: shown unless the log is off.
enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError, kOff, kAudit };
enum class LogFormat : std::uint8_t { kText, kJson };

/// One named value of a log line. Borrows for the call.
struct LogField {
    std::string_view name;
    std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;

    LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
    LogField(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
    LogField(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
    template <class Integer>
        requires(std::signed_integral<Integer>)
    LogField(std::string_view n, Integer v) : name(n), value(std::int64_t{v}) {}
    template <class Integer>
        requires(std::unsigned_integral<Integer> && !std::same_as<Integer, bool>)
    LogField(std::string_view n, Integer v) : name(n), value(std::uint64_t{v}) {}
    LogField(std::string_view n, double v) : name(n), value(v) {}
    LogField(std::string_view n, std::same_as<bool> auto v) : name(n), value(v) {}
};

/// What a line of the audit is about.
enum class AuditSubject : std::uint8_t {
    kManagement,       ///< somebody changed something
    kRefusal,          ///< somebody known was refused
    kStrangerRefusal,  ///< somebody without credentials that are any good was
};

/// The program's log: one line an event, JSON or text, written by a thread of its own. Field names
/// that all layers share: connectionId, userId, companyId, sessionId, action, code, ref, reason.
/// Never a token, a key, a message's data.
/// Threading: any thread.
/// Bounds:    8,192 lines wait; then the oldest is dropped and counted.
class Log {
public:
    virtual ~Log() = default;
    /// `event` is a stable dotted name: "connection.accepted".
    virtual void write(LogLevel level, std::string_view event,
                       std::initializer_list<LogField> fields) = 0;
    [[nodiscard]] virtual bool enabled(LogLevel level) const = 0;
    /// A line of the audit: who did what, who was refused and why. Refusals may be too many: then
    /// they are counted instead.
    virtual void audit(AuditSubject, std::string_view event,
                       std::initializer_list<LogField> fields) {
        write_if(LogLevel::kAudit, event, fields);
    }

    void debug(std::string_view event, std::initializer_list<LogField> fields) {
        write_if(LogLevel::kDebug, event, fields);
    }
    void info(std::string_view event, std::initializer_list<LogField> fields) {
        write_if(LogLevel::kInfo, event, fields);
    }
    void warn(std::string_view event, std::initializer_list<LogField> fields) {
        write_if(LogLevel::kWarn, event, fields);
    }
    void error(std::string_view event, std::initializer_list<LogField> fields) {
        write_if(LogLevel::kError, event, fields);
    }

protected:
    void write_if(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
        if (enabled(level)) write(level, event, fields);
    }
};

/// Throws everything away; for tests.
class NullLog final : public Log {
public:
    void write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
    [[nodiscard]] bool enabled(LogLevel) const override { return false; }
};

/// The line for one event, without the newline.
///   text: `2026-11-22T08:00:00.000Z info  connection.accepted connectionId=… userId=…`
///   JSON: `{"time":"…","level":"info","event":"…","connectionId":"…"}`
/// Values are escaped in both, so that no input of a peer can forge a line.
[[nodiscard]] std::string format_log_line(LogFormat format, std::string_view time, LogLevel level,
                                          std::string_view event,
                                          std::initializer_list<LogField> fields);

}  // namespace signalbox
