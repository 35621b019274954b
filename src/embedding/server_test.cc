#include "signalbox/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "app/http_for_tests.h"
#include "auth/token_verifier.h"
#include "base/clock.h"
#include "storage/test_support.h"

namespace signalbox {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

constexpr const char* kSecret = "a secret of more than thirty-two bytes";

ActionResult answer_data(ActionContext&, std::string data) {
    return data;
}

/// A server whose sessions are the tokens'.
class EmbeddedServer : public ::testing::Test {
protected:
    [[nodiscard]] ServerOptions options() const {
        return {.settings = {{"auth.jwt.secret", kSecret},
                             {"auth.sessions.mode", "claim"},
                             {"auth.sessions.claim", "sessionId"},
                             {"data.dir", folder_.file("data")},
                             {"log.level", "off"},
                             {"server.host", "127.0.0.1"},
                             {"server.port", "0"},
                             {"server.shards", "2"}},
                .environment = Environment::kIgnore};
    }

    void start() {
        const auto port = server_.start(options());
        ASSERT_TRUE(port) << port.error();
        port_ = *port;
    }

    /// What "ada" of "acme" gets for running it.
    [[nodiscard]] std::string run(const std::string& action, const std::string& data,
                                  const std::string& more = {},
                                  const std::string& headers = {}) const {
        auth::TokenOptions signing;
        signing.secret = kSecret;
        const WallTime now = SystemClock().wall_now();
        const std::string token = auth::sign_token({.user = UserId::trusted("ada"),
                                                    .company = CompanyId::trusted("acme"),
                                                    .permissions = {"orders:*", "greet"},
                                                    .session = SessionId::trusted("s1"),
                                                    .issued_at = now,
                                                    .expires_at = now + 1h},
                                                   signing);
        return app::http(
            port_, {.method = "POST",
                    .target = "/api/v1/actions/" + action + "?sessionId=s1",
                    .body = R"({"data":)" + data + more + "}",
                    .headers = "Content-Type: application/json\r\nAuthorization: Bearer " + token +
                               "\r\n" + headers});
    }

    storage::TempFolder folder_;
    Server server_;
    std::uint16_t port_ = 0;
};

TEST_F(EmbeddedServer, RunsHandlersOfEachKind) {
    server_.add_action({.name = "immediate", .handler = answer_data});
    server_.add_action(
        {.name = "async",
         .handler = [](ActionContext& context, const std::string& data) -> Async<ActionResult> {
             co_await context.sleep(1ms);
             co_return data;
         }});
    server_.add_action({.name = "blocking",
                        .handler = BlockingHandler{[](ActionContext&, const std::string& data) {
                            return ActionResult(data);
                        }}});
    start();
    for (const char* name : {"immediate", "async", "blocking"})
        EXPECT_THAT(run(name, "[1.50]"), AllOf(HasSubstr("200 OK"), HasSubstr(R"("data":[1.50])")));
}

TEST_F(EmbeddedServer, TellsHandlersWhoAsked) {
    server_.add_action({.name = "who", .handler = [](ActionContext& context, std::string) {
                            const Principal& who = context.principal();
                            std::string text =
                                who.user_id + ' ' + who.company_id + ' ' + who.session_id + ' ';
                            text += context.request_id();
                            text += std::to_string(who.permissions.size());
                            text += context.allows("orders:refund") ? " may" : " may not";
                            text += context.allows("admin") ? " may" : " may not";
                            text += who.expires_at ? " ends" : "";
                            return json_string(text);
                        }});
    start();
    EXPECT_THAT(run("who", "null", R"(,"requestId":"r")"),
                HasSubstr("\"ada acme s1 r2 may may not ends\""));
}

TEST_F(EmbeddedServer, HasTheGatewaysChecks) {
    server_.add_action({.name = "open",
                        .permission = "greet",
                        .input_schema = R"({"type":"string"})",
                        .output_schema = R"({"type":"string"})",
                        .handler = answer_data});
    server_.add_action({.name = "closed", .permission = "secrets", .handler = answer_data});
    start();
    EXPECT_THAT(run("open", "\"x\""), HasSubstr("200 OK"));
    EXPECT_THAT(run("open", "1"), AllOf(HasSubstr(" 422 "), HasSubstr("VALIDATION_FAILED")));
    EXPECT_THAT(run("closed", "1"), AllOf(HasSubstr(" 403 "), HasSubstr("FORBIDDEN")));
}

TEST_F(EmbeddedServer, GivesErrorsOfHandlersAndHidesTheirFaults) {
    server_.add_action({.name = "own", .handler = [](ActionContext&, std::string) -> ActionResult {
                            return std::unexpected(
                                ActionError{"SOLD_OUT", "none is left", R"({"next":1})"});
                        }});
    server_.add_action(
        {.name = "throws", .handler = [](ActionContext&, std::string) -> ActionResult {
             throw std::runtime_error("the cause");
         }});
    server_.add_action({.name = "garbage", .handler = [](ActionContext&, std::string) {
                            return ActionResult("not JSON");
                        }});
    server_.add_action({.name = "progress", .handler = [](ActionContext& context, std::string) {
                            context.progress("not JSON");
                            return ActionResult("1");
                        }});
    start();
    EXPECT_THAT(run("own", "1"), AllOf(HasSubstr(" 422 "), HasSubstr("SOLD_OUT"),
                                       HasSubstr("none is left"), HasSubstr(R"({"next":1})")));
    for (const char* name : {"throws", "garbage", "progress"})
        EXPECT_THAT(run(name, "1"), AllOf(HasSubstr(" 500 "), ::testing::Not(HasSubstr("cause"))));
}

TEST_F(EmbeddedServer, SendsProgressOfEachKind) {
    server_.add_action(
        {.name = "async",
         .progress = true,
         .handler = [](ActionContext& context, const std::string&) -> Async<ActionResult> {
             context.progress(R"({"step":1})");
             co_await context.sleep(1ms);
             co_return "null";
         }});
    server_.add_action({.name = "blocking",
                        .progress = true,
                        .handler = BlockingHandler{[](ActionContext& context, const std::string&) {
                            context.progress(R"({"step":1})");
                            return ActionResult("null");
                        }}});
    start();
    for (const char* name : {"async", "blocking"})
        EXPECT_THAT(run(name, "1", "", "Accept: text/event-stream\r\n"),
                    HasSubstr(R"({"step":1})"));
}

TEST_F(EmbeddedServer, WaitsForCallbacksOfOtherThreads) {
    std::promise<Resolver<std::string>> asked;
    server_.add_action(
        {.name = "ask",
         .handler = [&asked](ActionContext& context, const std::string&) -> Async<ActionResult> {
             co_return co_await context.wait_for_callback<std::string>(
                 [&asked](auto resolve) { asked.set_value(resolve); });
         }});
    start();
    std::thread other([&asked] {
        const auto resolve = asked.get_future().get();
        resolve("\"first\"");
        resolve("\"second\"");
    });
    EXPECT_THAT(run("ask", "1"), HasSubstr("\"first\""));
    other.join();
}

TEST_F(EmbeddedServer, LetsNoMoreWaitForAnActionThanItSays) {
    std::promise<Resolver<std::string>> asked;
    server_.add_action(
        {.name = "narrow",
         .handler = [&asked](ActionContext& context, const std::string&) -> Async<ActionResult> {
             co_return co_await context.wait_for_callback<std::string>(
                 [&asked](auto resolve) { asked.set_value(resolve); });
         },
         .concurrency_max = 1,
         .waiting_max = 0});
    start();
    std::string first;
    std::thread other([&] { first = run("narrow", "1"); });
    const auto resolve = asked.get_future().get();
    EXPECT_THAT(run("narrow", "1"), AllOf(HasSubstr(" 503 "), HasSubstr("OVERLOADED")));
    resolve("\"done\"");
    other.join();
    EXPECT_THAT(first, HasSubstr("\"done\""));
}

TEST_F(EmbeddedServer, TakesACallbackInsideTheCallThatAsksForIt) {
    server_.add_action(
        {.name = "ask",
         .handler = [](ActionContext& context, const std::string&) -> Async<ActionResult> {
             co_return co_await context.wait_for_callback<std::string>(
                 [](auto resolve) { resolve("\"at once\""); });
         }});
    start();
    EXPECT_THAT(run("ask", "1"), HasSubstr("\"at once\""));
}

TEST_F(EmbeddedServer, GivesWhatAskingThrowsToTheCoroutine) {
    server_.add_action(
        {.name = "ask",
         .handler = [](ActionContext& context, const std::string&) -> Async<ActionResult> {
             try {
                 co_await context.wait_for_callback<int>(
                     [](auto) { throw std::runtime_error("no connection"); });
             } catch (const std::exception& error) {
                 co_return json_string(error.what());
             }
             co_return "null";
         }});
    start();
    EXPECT_THAT(run("ask", "1"), HasSubstr("\"no connection\""));
}

TEST_F(EmbeddedServer, IgnoresCallbacksThatComeAfterTheEnd) {
    std::promise<Resolver<std::string>> asked;
    server_.add_action(
        {.name = "ask",
         .handler = [&asked](ActionContext& context, const std::string&) -> Async<ActionResult> {
             co_return co_await context.wait_for_callback<std::string>(
                 [&asked](auto resolve) { asked.set_value(resolve); });
         }});
    start();
    EXPECT_THAT(run("ask", "1", R"(,"timeoutMs":20)"), HasSubstr("TIMEOUT"));
    const auto resolve = asked.get_future().get();
    const auto copy = resolve;
    server_.stop();
    copy("1");
}

/// The token of a handler that would wait for ever.
TEST_F(EmbeddedServer, StopsWhatIsInVain) {
    std::promise<void> blocking;
    server_.add_action({.name = "blocking",
                        .handler = BlockingHandler{[&](ActionContext& context, const std::string&) {
                            std::mutex mutex;
                            std::condition_variable_any stopped;
                            std::unique_lock lock(mutex);
                            (void)stopped.wait(lock, context.stop_token(), [] { return false; });
                            EXPECT_TRUE(context.cancelled());
                            EXPECT_GE(std::chrono::steady_clock::now(), context.deadline());
                            blocking.set_value();
                            return ActionResult("1");
                        }}});
    std::promise<void> async;
    server_.add_action(
        {.name = "async",
         .handler = [&async](ActionContext& context, const std::string&) -> Async<ActionResult> {
             const std::stop_callback told(context.stop_token(), [&async] { async.set_value(); });
             co_await context.sleep(1h);
             co_return "1";
         }});
    start();
    for (const char* name : {"blocking", "async"})
        EXPECT_THAT(run(name, "1", R"(,"timeoutMs":20)"), HasSubstr("TIMEOUT"));
    blocking.get_future().wait();
    async.get_future().wait();
}

TEST_F(EmbeddedServer, DoesNotStopWhatHasItsAnswer) {
    bool stopped = false;
    std::stop_token token;
    server_.add_action(
        {.name = "async",
         .handler = [&](ActionContext& context, const std::string&) -> Async<ActionResult> {
             token = context.stop_token();
             co_await context.sleep(1ms);
             co_return "1";
         }});
    start();
    EXPECT_THAT(run("async", "1"), HasSubstr("200 OK"));
    server_.stop();
    stopped = token.stop_requested();
    EXPECT_FALSE(stopped);
}

TEST_F(EmbeddedServer, NamesWhatIsWrongWithAnAction) {
    const auto fault = [this](ActionDefinition definition) -> std::string {
        try {
            server_.add_action(std::move(definition));
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
        return "none";
    };
    EXPECT_EQ(fault({.name = "a", .handler = answer_data}), "none");
    EXPECT_THAT(fault({.name = "a", .handler = answer_data}), HasSubstr("twice"));
    EXPECT_THAT(fault({.name = "b c", .handler = answer_data}), HasSubstr("name"));
    EXPECT_THAT(fault({.name = "d"}), HasSubstr("no handler"));
    EXPECT_THAT(fault({.name = "system.ping", .handler = answer_data}), HasSubstr("own"));
    EXPECT_THAT(fault({.name = "e", .input_schema = R"({"type":1})", .handler = answer_data}),
                HasSubstr("input schema"));
}

TEST_F(EmbeddedServer, TakesNoActionsWhileItRuns) {
    start();
    EXPECT_THROW(server_.add_action({.name = "late", .handler = answer_data}), std::logic_error);
    EXPECT_THROW((void)server_.start(options()), std::logic_error);
}

TEST_F(EmbeddedServer, NamesAllFaultsOfItsConfiguration) {
    ServerOptions wrong = options();
    wrong.settings["server.port"] = "many";
    wrong.settings["server.prot"] = "1";
    const auto started = server_.start(wrong);
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error(), AllOf(ContainsRegex("settings: server.port: must be .*"),
                                       HasSubstr("settings: server.prot: unknown key")));
    EXPECT_THAT(server_.start({.arguments = {"--prot", "1"}}).error(), HasSubstr("--prot"));
}

TEST_F(EmbeddedServer, PrefersSettingsToArguments) {
    ServerOptions both = options();
    both.arguments = {"--dev", "--port", "1"};
    EXPECT_TRUE(server_.start(both));
}

TEST_F(EmbeddedServer, GivesWayToAnActionOfItsOwnNameInDev) {
    server_.add_action({.name = "echo", .handler = [](ActionContext&, std::string) {
                            return json_string("mine");
                        }});
    ServerOptions dev = options();
    dev.arguments = {"--dev"};
    const auto port = server_.start(dev);
    ASSERT_TRUE(port) << port.error();
    port_ = *port;
    EXPECT_THAT(run("echo", "1"), HasSubstr("\"mine\""));
    EXPECT_THAT(run("someAction", "1"), HasSubstr("200 OK"));
}

TEST_F(EmbeddedServer, RunsAgainAfterItsEnd) {
    server_.add_action({.name = "a", .handler = answer_data});
    for (int i = 0; i < 2; ++i) {
        start();
        EXPECT_THAT(run("a", "1"), HasSubstr("200 OK"));
        server_.stop();
    }
    EXPECT_THAT(server_.reload(), ::testing::ElementsAre("the server does not run"));
}

TEST_F(EmbeddedServer, SendsUpdatesFromAnyThreadAndSaysWhenItCannot) {
    EXPECT_EQ(server_.send_update("acme", {.action = "x"}), "The server does not run.");
    start();
    EXPECT_THAT(server_.reload(), ::testing::IsEmpty());
    std::string said = "nothing";
    std::thread([&] {
        said = server_.send_update("acme", {.action = "x", .data = "[1]"}, "a1");
    }).join();
    EXPECT_EQ(said, "");
    EXPECT_THAT(server_.send_update("acme", {.action = "system.x"}), HasSubstr("/action"));
    server_.stop();
    EXPECT_EQ(server_.send_update("acme", {.action = "x"}), "The server does not run.");
}

TEST(JsonString, QuotesAndEscapes) {
    EXPECT_EQ(json_string("a\"b\n"), R"("a\"b\n")");
}

}  // namespace
}  // namespace signalbox
