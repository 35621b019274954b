#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli.h"
#include "app/control_socket.h"
#include "base/json.h"
#include "storage/sqlite_session_store.h"

namespace signalbox::app {

inline constexpr const char* kSecret = "0123456789abcdef0123456789abcdef";

class InlineExecutor final : public Executor {
public:
    void post(Task task) override { task(); }
};

/// Runs commands in a folder of its own, and has what they print.
class Cli : public testing::Test {
protected:
    void SetUp() override {
        folder_ = testing::TempDir() + "cli_" + std::to_string(getpid());
        std::filesystem::create_directories(folder_);
        environment_["SIGNALBOX_DATA_DIR"] = folder_ + "/data";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    int run(std::vector<std::string> args) {
        out_.str("");
        err_.str("");
        CliContext context{.out = out_,
                           .err = err_,
                           .environment = environment_,
                           .clock = clock_,
                           .random = random_,
                           .serve = [this](const Config& config, const ServeContext& serve) {
                               served_ = config;
                               reloaded_ = serve.reload().has_value();
                               return 42;
                           }};
        return run_cli(std::move(args), context);
    }

    [[nodiscard]] std::string out() const { return out_.str(); }
    [[nodiscard]] std::string err() const { return err_.str(); }
    /// The output's one line.
    [[nodiscard]] std::string line() const {
        std::string text = out();
        EXPECT_TRUE(text.ends_with('\n'));
        text.pop_back();
        EXPECT_FALSE(text.contains('\n')) << text;
        return text;
    }
    [[nodiscard]] std::string member(std::string_view name) const {
        JsonParser parser;
        const auto root = parser.parse(out());
        std::string_view text;
        if (!root || root->at_key(name).get(text)) ADD_FAILURE() << name << " in " << out();
        return std::string(text);
    }
    [[nodiscard]] std::unique_ptr<ControlServer> start(ControlHandler& handler) const {
        std::filesystem::create_directories(folder_ + "/data");
        auto server = ControlServer::create(control_path(folder_ + "/data"), handler);
        EXPECT_TRUE(server);
        return server ? std::move(*server) : nullptr;
    }

    void fill_store(int sessions) const {
        InlineExecutor executor;
        const auto store = storage::SqliteSessionStore::open(folder_ + "/data/signalbox.db");
        ASSERT_TRUE(store) << store.error();
        for (int i = 0; i < sessions; ++i) {
            (*store)->put({.id = SessionId::trusted("s" + std::to_string(i)),
                           .user = UserId::trusted("u"),
                           .company = CompanyId::trusted("c"),
                           .created_at = clock_.wall_now(),
                           .expires_at = clock_.wall_now() + std::chrono::hours(1)},
                          executor, [](auto outcome) { EXPECT_TRUE(outcome); });
        }
    }

    std::string folder_;
    std::map<std::string, std::string> environment_;
    ManualClock clock_;
    SystemRandom random_;
    std::ostringstream out_;
    std::ostringstream err_;
    std::optional<Config> served_;
    bool reloaded_ = false;
};

}  // namespace signalbox::app
