#include "app/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/dev_banner.h"
#include "app/http_for_tests.h"
#include "storage/test_support.h"

namespace signalbox::app {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kSecret = "a secret of more than thirty-two bytes";

/// Long-polls until an answer has `text`, at most a few times. @return that answer.
std::string poll_for(std::uint16_t port, const std::string& target, std::string_view text) {
    std::string answer;
    for (int i = 0; i < 3 && !answer.contains(text); ++i) answer = http(port, {"GET", target});
    return answer;
}

class RunningServer : public ::testing::Test {
protected:
    RunningServer() {
        config_.mode = RunMode::kDev;
        config_.tokens.secret = kSecret;
        config_.server.host = "127.0.0.1";
        config_.server.port = 0;
        config_.server.shards = 2;
        config_.log.level = LogLevel::kOff;
        config_.data_dir = folder_.file("data");
        auto created = Server::create(config_, {});
        if (created) server_ = std::move(*created);
    }

    void SetUp() override { ASSERT_NE(server_, nullptr); }

    /// A polling client of the dev login that watches "a1". @return its query.
    std::string connect() {
        SystemRandom random;
        const DevLogin login = make_dev_login(config_, SystemClock().wall_now(), random);
        EXPECT_TRUE(server_->put_session(login.session));
        const std::string query =
            "/realtime/?EIO=4&transport=polling&artifactId=a1&sessionId=" + login.session.id.str();
        const std::string opened = http(server_->port(), {"GET", query});
        const std::size_t at = opened.find(R"("sid":")") + 7;
        const std::string target = query + "&sid=" + opened.substr(at, 20);
        (void)http(server_->port(), {"POST", target, R"(40{"token":")" + login.token + R"("})"});
        EXPECT_THAT(poll_for(server_->port(), target, "system.connected"),
                    HasSubstr("system.connected"));
        return target;
    }

    storage::TempFolder folder_;
    Config config_;
    std::unique_ptr<Server> server_;
};

TEST_F(RunningServer, GivesItsServiceThroughTheAccessorWhileItLives) {
    EXPECT_EQ(get_websocket_service(), &server_->service());
    server_.reset();
    EXPECT_EQ(get_websocket_service(), nullptr);
}

TEST_F(RunningServer, SendsUpdatesOfTheProgramToWatchers) {
    const std::string client = connect();
    WebSocketService* service = get_websocket_service();
    EXPECT_EQ(service->send_update("dev-company", {.action = "other"}, "a2"), "");
    EXPECT_EQ(service->send_update("dev-company", {.action = "change", .data = "[1.50]"}, "a1"),
              "");
    const std::string heard = http(server_->port(), {"GET", client});
    EXPECT_THAT(heard, HasSubstr(R"(\"action\":\"change\",\"data\":[1.50],\"kind\":\"push\")"));
    EXPECT_THAT(heard, ::testing::Not(HasSubstr("other")));
}

TEST_F(RunningServer, NamesWhatIsWrongWithAnUpdate) {
    WebSocketService* service = get_websocket_service();
    EXPECT_THAT(service->send_update("", {.action = "x"}), HasSubstr("/companyId"));
    EXPECT_THAT(service->send_update("c", {.action = "system.x"}), HasSubstr("/action"));
    EXPECT_THAT(service->send_update("c", {.action = "x", .data = "{"}), HasSubstr("JSON"));
    EXPECT_THAT(service->send_update("c", {.action = "x", .data = R"(1,"artifactId":"a1")"}),
                HasSubstr("JSON"));
    EXPECT_THAT(service->send_update("c", {.action = "x"}, "a b"), HasSubstr("/artifactId"));
}

TEST_F(RunningServer, NamesTheKeysThatAReloadCannotChange) {
    Config wanted = config_;
    wanted.server.allowed_origins = {"https://app.example.com"};
    wanted.engineio.payload_bytes_max += 1;
    wanted.gateway.limits.message_bytes_max -= 1;
    wanted.tokens.leeway += Milliseconds(1'000);
    const ReloadOutcome outcome = server_->reload(wanted);
    EXPECT_THAT(outcome.restart_keys,
                ::testing::ElementsAre("server.allowed_origins", "limits.payload_bytes_max"));
    EXPECT_THAT(outcome.problems, ::testing::IsEmpty());
}

TEST_F(RunningServer, KeepsItsKeysAndSaysSoWhenTheNewOnesAreBad) {
    Config wanted = config_;
    wanted.tokens.algorithms = {"RS256"};
    EXPECT_THAT(server_->reload(wanted).problems, ::testing::SizeIs(1));
    EXPECT_THAT(connect(), HasSubstr("sid="));
}

TEST_F(RunningServer, IsAloneInItsDataDirectoryAndOnItsPort) {
    const auto second = Server::create(config_, {});
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, HasSubstr("is in use by process"));
    config_.data_dir = folder_.file("other");
    config_.server.port = server_->port();
    const auto third = Server::create(config_, {});
    ASSERT_FALSE(third);
    EXPECT_THAT(third.error().message, HasSubstr("cannot listen on 127.0.0.1:"));
}

}  // namespace
}  // namespace signalbox::app
