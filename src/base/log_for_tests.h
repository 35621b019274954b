#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace signalbox::testing {

/// Keeps each line as text, without its time.
class RecordingLog final : public Log {
public:
    void write(LogLevel level, std::string_view event,
               std::initializer_list<LogField> fields) override {
        lines.push_back(format_log_line(LogFormat::kText, "", level, event, fields));
    }
    [[nodiscard]] bool enabled(LogLevel) const override { return true; }
    std::vector<std::string> lines;
};

}  // namespace signalbox::testing
