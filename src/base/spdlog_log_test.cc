#include "base/spdlog_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

namespace signalbox {
namespace {

/// Keeps the lines; each waits until the gate is open.
class GatedSink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    std::promise<void> first_line, open;
    std::vector<std::string> lines;

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        if (lines.empty()) first_line.set_value();
        opened_.wait();
        spdlog::memory_buf_t formatted;
        formatter_->format(message, formatted);
        lines.emplace_back(formatted.data(), formatted.size());
    }
    void flush_() override {}

private:
    std::shared_future<void> opened_ = open.get_future().share();
};

LogOptions options_at(LogLevel level) {
    LogOptions options;
    options.level = level;
    return options;
}

TEST(SpdlogLog, WritesEachEventAsOneLineInOrder) {
    ManualClock clock;
    const auto sink = std::make_shared<GatedSink>();
    sink->open.set_value();
    {
        SpdlogLog log(options_at(LogLevel::kInfo), clock, sink);
        log.info("first", {{"n", 1}, {"text", "{} %v \n"}});
        log.error("second", {});
    }
    const std::string time = format_time(clock.wall_now());
    EXPECT_EQ(sink->lines, std::vector<std::string>({time + " info  first n=1 text=\"{} %v \\n\"\n",
                                                     time + " error second\n"}));
}

TEST(SpdlogLog, LeavesOutWhatIsBelowItsLevelWhichMayChange) {
    ManualClock clock;
    const auto sink = std::make_shared<GatedSink>();
    sink->open.set_value();
    {
        SpdlogLog log(options_at(LogLevel::kWarn), clock, sink);
        log.info("no", {});
        log.write(LogLevel::kInfo, "no", {});
        log.warn("yes", {});
        EXPECT_FALSE(log.enabled(LogLevel::kInfo));
        log.set_level(LogLevel::kDebug);
        log.debug("yes", {});
        log.set_level(LogLevel::kOff);
        log.error("no", {});
        log.write(LogLevel::kOff, "no", {});
    }
    EXPECT_EQ(sink->lines.size(), 2U);
}

TEST(SpdlogLog, DropsAndCountsTheOldestLinesWhenTheWriterIsStuck) {
    ManualClock clock;
    const auto sink = std::make_shared<GatedSink>();
    std::uint64_t dropped = 0;
    {
        SpdlogLog log(options_at(LogLevel::kInfo), clock, sink);
        log.info("stuck", {});
        sink->first_line.get_future().wait();
        constexpr int kTooMany = 10;
        for (std::size_t i = 0; i < SpdlogLog::kLinesMax + kTooMany; ++i)
            log.info("line", {{"i", i}});
        dropped = log.dropped();
        sink->open.set_value();
    }
    EXPECT_EQ(dropped, 10U);
    ASSERT_GE(sink->lines.size(), 2U);
    EXPECT_TRUE(sink->lines[1].ends_with(" i=10\n") || sink->lines[1].ends_with(" i=11\n"))
        << sink->lines[1];
    EXPECT_TRUE(sink->lines.back().ends_with(" i=8201\n")) << sink->lines.back();
}

TEST(SpdlogLog, AppendsToItsFile) {
    ManualClock clock;
    std::string pattern = (std::filesystem::temp_directory_path() / "signalbox-XXXXXX").string();
    const std::filesystem::path folder = ::mkdtemp(pattern.data());
    LogOptions options;
    options.format = LogFormat::kJson;
    options.file = folder / "signalbox.log";
    for (int i = 0; i < 2; ++i) {
        auto log = SpdlogLog::create(options, clock);
        ASSERT_TRUE(log.has_value()) << log.error();
        (*log)->info("started", {{"run", i}});
    }
    std::ifstream file(options.file);
    std::string first, second;
    std::getline(file, first);
    std::getline(file, second);
    EXPECT_TRUE(first.ends_with(R"("event":"started","run":0})")) << first;
    EXPECT_TRUE(second.ends_with(R"("event":"started","run":1})")) << second;
    std::filesystem::remove_all(folder);
}

TEST(SpdlogLog, MakesFilesThatNotEverybodyMayReadAndLeavesTheModeOfThoseThatAreThere) {
    namespace fs = std::filesystem;
    ManualClock clock;
    std::string pattern = (fs::temp_directory_path() / "signalbox-XXXXXX").string();
    const fs::path folder = ::mkdtemp(pattern.data());
    LogOptions options;
    options.file = folder / "signalbox.log";
    options.audit_file = folder / "audit.log";
    const mode_t before = ::umask(0);
    {
        auto log = SpdlogLog::create(options, clock);
        ASSERT_TRUE(log.has_value()) << log.error();
        fs::rename(options.audit_file, folder / "audit.log.1");
        fs::permissions(options.file, fs::perms(0604));
        EXPECT_THAT((*log)->reopen(), ::testing::IsEmpty());
    }
    ::umask(before);
    const auto mode_of = [](const fs::path& file) { return fs::status(file).permissions(); };
    EXPECT_EQ(mode_of(folder / "audit.log.1"), fs::perms(0640));
    EXPECT_EQ(mode_of(options.audit_file), fs::perms(0640));
    EXPECT_EQ(mode_of(options.file), fs::perms(0604));
    fs::remove_all(folder);
}

std::vector<std::string> lines_of(const std::string& name) {
    std::vector<std::string> lines;
    std::ifstream file(name);
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
}

TEST(SpdlogLog, WritesTheAuditIntoItsFileAndWhateverItsLevelIntoTheLog) {
    ManualClock clock;
    const auto sink = std::make_shared<GatedSink>(), audit = std::make_shared<GatedSink>();
    sink->open.set_value(), audit->open.set_value();
    {
        SpdlogLog log(options_at(LogLevel::kError), clock, sink, audit);
        log.audit(AuditSubject::kManagement, "session.put", {{"actor", "ada"}});
        log.info("other", {});
        log.set_level(LogLevel::kOff);
        log.audit(AuditSubject::kRefusal, "call.refused", {});
    }
    const std::string time = format_time(clock.wall_now());
    EXPECT_EQ(sink->lines, std::vector<std::string>({time + " audit session.put actor=ada\n"}));
    ASSERT_EQ(audit->lines.size(), 2U) << "also while the log is off";
    EXPECT_EQ(audit->lines[0], R"({"time":")" + time +
                                   R"(","level":"audit","event":"session.put","actor":"ada"})"
                                   "\n");
}

TEST(SpdlogLog, CountsRefusalsThatAreTooManyStrangersAndOthersApart) {
    ManualClock clock;
    const auto sink = std::make_shared<GatedSink>();
    sink->open.set_value();
    {
        SpdlogLog log(options_at(LogLevel::kInfo), clock, sink);
        for (std::uint64_t i = 0; i < SpdlogLog::kRefusalsASecond + 7; ++i)
            log.audit(AuditSubject::kStrangerRefusal, "stranger", {});
        log.audit(AuditSubject::kRefusal, "known", {});
        log.audit(AuditSubject::kManagement, "done", {});
        clock.advance(Milliseconds(1'000));
        log.audit(AuditSubject::kStrangerRefusal, "again", {});
    }
    ASSERT_EQ(sink->lines.size(), SpdlogLog::kRefusalsASecond + 4);
    const auto ends = [&](std::size_t from_end, std::string_view text) {
        return sink->lines[sink->lines.size() - from_end].ends_with(text);
    };
    EXPECT_TRUE(ends(4, " known\n") && ends(3, " done\n"));
    EXPECT_TRUE(ends(2, " audit.suppressed of=strangers refusals=7\n")) << sink->lines.back();
    EXPECT_TRUE(ends(1, " again\n"));
}

TEST(SpdlogLog, OpensItsFilesAnewOrKeepsThem) {
    ManualClock clock;
    std::string pattern = (std::filesystem::temp_directory_path() / "signalbox-XXXXXX").string();
    const std::filesystem::path folder = ::mkdtemp(pattern.data());
    LogOptions options;
    options.file = folder / "log";
    options.audit_file = folder / "a" / "audit";
    std::filesystem::create_directory(folder / "a");
    {
        auto log = *SpdlogLog::create(options, clock);
        log->audit(AuditSubject::kManagement, "first", {});
        while (lines_of(options.file).empty() || lines_of(options.audit_file).empty())
            std::this_thread::yield();  // what still waits would go to the new files
        std::filesystem::rename(options.file, folder / "log.1");
        std::filesystem::rename(folder / "a", folder / "b");
        std::ofstream(folder / "a") << "no folder";
        EXPECT_EQ(log->reopen(),
                  std::vector<std::string>(
                      {"cannot open the audit file " + options.audit_file + ": Not a directory"}));
        log->audit(AuditSubject::kManagement, "second", {});
    }
    EXPECT_EQ(lines_of(options.file).size(), 1U);
    EXPECT_EQ(lines_of(folder / "b" / "audit").size(), 2U);
    std::filesystem::remove_all(folder);
}

TEST(SpdlogLog, SaysWhichFileItCannotOpen) {
    ManualClock clock;
    LogOptions options;
    options.file = "/dev/null/signalbox.log";
    EXPECT_EQ(SpdlogLog::create(options, clock).error(),
              "cannot open the log file /dev/null/signalbox.log: Not a directory");
    options.file = "/dev/null";
    options.audit_file = "/tmp";
    EXPECT_EQ(SpdlogLog::create(options, clock).error(),
              "cannot open the audit file /tmp: Is a directory");
}

TEST(SpdlogLog, MakesNoFolderForItsFile) {
    ManualClock clock;
    std::string pattern = (std::filesystem::temp_directory_path() / "signalbox-XXXXXX").string();
    const std::filesystem::path folder = ::mkdtemp(pattern.data());
    LogOptions options;
    options.file = folder / "mistyped" / "log";
    const auto log = SpdlogLog::create(options, clock);
    EXPECT_EQ(log ? "" : log.error(),
              "cannot open the log file " + options.file + ": No such file or directory");
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace signalbox
