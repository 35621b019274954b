#include "library/front_door.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/timer_wheel.h"
#include "engineio/testing.h"

namespace signalbox::library {
namespace {

using engineio::testing::exchange;
using engineio::testing::header_of;
using engineio::testing::request_of;
using engineio::testing::upgrade;

class Silent final : public engineio::Application {
public:
    void admit(const HttpRequest&, Decision decide) override { decide(std::nullopt); }
    std::unique_ptr<engineio::SessionHandler> open(engineio::Session&) override {
        return std::make_unique<Handler>();
    }

private:
    struct Handler final : engineio::SessionHandler {
        void on_message(engineio::MessageKind, std::string_view) override {}
        void on_close(engineio::CloseReason) override {}
    };
};

class FrontDoorTest : public ::testing::Test {
protected:
    int status_of(const std::string& target, std::vector<HttpHeaders::Field> headers = {}) {
        return exchange(door_, request_of("GET", target, std::move(headers)))->status();
    }
    int upgrade_status_of(const std::string& target, std::vector<HttpHeaders::Field> headers = {}) {
        const auto record = upgrade(door_, request_of("GET", target, std::move(headers)));
        return record->refusal ? record->refusal->status : 101;
    }

    TimerWheel wheel_{MonotonicTime(std::chrono::hours(1))};
    SeededRandom random_{1};
    Silent application_;
    engineio::Server engine_{{}, 0, wheel_, random_, application_};
    FrontDoor door_{"/chat/", {"https://a.example"}, engine_};
};

const std::string kPolling = "?EIO=4&transport=polling";
const std::string kWebSocket = "?EIO=4&transport=websocket";

TEST_F(FrontDoorTest, ServesItsPathWithAndWithoutSlashAndNoOther) {
    EXPECT_EQ(status_of("/chat" + kPolling), 200);
    EXPECT_EQ(status_of("/chat/" + kPolling), 200);
    EXPECT_EQ(upgrade_status_of("/chat/" + kWebSocket), 101);
    for (const char* path : {"/", "/chats/", "/chat/x", "/chat//", "/socket.io/"}) {
        EXPECT_EQ(status_of(path + kPolling), 404) << path;
        EXPECT_EQ(upgrade_status_of(path + kWebSocket), 404) << path;
    }
}

TEST_F(FrontDoorTest, LetsInThePagesThatItNames) {
    const auto allowed =
        exchange(door_, request_of("GET", "/chat/" + kPolling, {{"Origin", "https://a.example"}}));
    EXPECT_EQ(allowed->status(), 200);
    EXPECT_EQ(header_of(*allowed, "Access-Control-Allow-Origin"), "https://a.example");
    EXPECT_EQ(status_of("/chat/" + kPolling, {{"Origin", "https://b.example"}}), 403);
    EXPECT_EQ(upgrade_status_of("/chat/" + kWebSocket, {{"Origin", "https://b.example"}}), 400);
    const auto preflight = exchange(door_, request_of("OPTIONS", "/chat/" + kPolling,
                                                      {{"Origin", "https://a.example"},
                                                       {"Access-Control-Request-Method", "POST"}}));
    EXPECT_EQ(preflight->status(), 204);
}

TEST_F(FrontDoorTest, OpensNoSessionOnceClosedButServesThoseThatAreOpen) {
    const auto opened = exchange(door_, request_of("GET", "/chat/" + kPolling));
    const std::string sid = engineio::testing::sid_in(opened->body());
    door_.close();
    EXPECT_EQ(status_of("/chat/" + kPolling), 503);
    EXPECT_EQ(upgrade_status_of("/chat/" + kWebSocket), 503);
    HttpRequest message = request_of("POST", "/chat/" + kPolling + "&sid=" + sid);
    message.body = "4x";
    EXPECT_EQ(exchange(door_, std::move(message))->body(), "ok");
}

}  // namespace
}  // namespace signalbox::library
