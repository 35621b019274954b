#include "app/control_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <future>
#include <thread>

#include "app/control_address.h"
#include "app/control_client.h"

namespace signalbox::app {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// Echoes commands and arguments; "silent" is never answered, "later" from another thread.
class EchoHandler final : public ControlHandler {
public:
    ~EchoHandler() override {
        for (std::thread& thread : threads_) thread.join();
    }
    void handle(std::string command, JsonText arguments, ControlAnswer done) override {
        if (command == "silent") {
            kept_ = std::move(done);
            return;
        }
        const std::string answer = control_ok("[\"" + command + "\"," + arguments.str() + "]");
        if (command != "later") return done(answer);
        threads_.emplace_back([answer, done = std::move(done)]() mutable { done(answer); });
    }
    ControlAnswer take_kept() { return std::move(kept_); }

private:
    std::vector<std::thread> threads_;
    ControlAnswer kept_;
};

class ControlSocket : public testing::Test {
protected:
    void SetUp() override { std::filesystem::create_directories(folder_); }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    void start(ControlOptions options = {}) {
        auto made = ControlServer::create(path_, handler_, options);
        ASSERT_TRUE(made) << made.error();
        server_ = std::move(*made);
    }

    [[nodiscard]] runtime::UniqueFd connect() const {
        const auto address = UnixAddress::of(path_);
        runtime::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM, 0));
        EXPECT_EQ(::connect(fd.get(), address->get(), address->size()), 0);
        return fd;
    }

    std::string folder_ = testing::TempDir() + "control_" + std::to_string(getpid());
    std::string path_ = control_path(folder_);
    EchoHandler handler_;
    std::unique_ptr<ControlServer> server_;
};

void send_text(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::string call(const std::string& path, std::string_view command,
                 std::string_view arguments = "{}") {
    auto answer = call_control(path, command, JsonText::trusted(std::string(arguments)));
    return answer ? *answer : "no answer";
}

/// Everything until the other side closes, or the end of the first line.
std::string receive(int fd) {
    std::string text;
    char c = 0;
    while (recv(fd, &c, 1, 0) == 1) {
        text += c;
        if (c == '\n') break;
    }
    return text;
}

bool at_end(int fd) {
    char c = 0;
    return recv(fd, &c, 1, 0) <= 0;
}

TEST_F(ControlSocket, CarriesACommandThereAndItsAnswerBack) {
    start();
    const JsonText arguments = JsonText::trusted("{\n\"a\": [1.50, \"\\n\"]}");
    EXPECT_EQ(call_control(path_, "now", arguments), R"({"ok":["now",{ "a": [1.50, "\n"]}]})");
    EXPECT_EQ(call_control(path_, "later", arguments), R"({"ok":["later",{ "a": [1.50, "\n"]}]})");
}

TEST_F(ControlSocket, IsOpenToItsOwnerAlone) {
    start();
    struct stat status{};
    ASSERT_EQ(stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(ControlSocket, TakesSeveralRequestsOnOneConnection) {
    start();
    const auto fd = connect();
    send_text(fd.get(), "{\"command\":\"a\"}\n");
    EXPECT_EQ(receive(fd.get()), "{\"ok\":[\"a\",{}]}\n");
    send_text(fd.get(), "{\"arguments\":{\"x\":1},");
    send_text(fd.get(), "\"command\":\"b\"}\n");
    EXPECT_EQ(receive(fd.get()), "{\"ok\":[\"b\",{\"x\":1}]}\n");
}

TEST_F(ControlSocket, AnswersGarbageWithAnErrorAndCloses) {
    start();
    for (const char* line :
         {"", "garbage", "[]", "{}", "{\"command\":1}", "{\"command\":\"\"}", "\xff\xfe",
          "{\"command\":\"a\",\"arguments\":[]}", "{\"command\":\"a\",\"command\":\"b\"}",
          "{\"command\":\"a\",\"other\":1}", "{\"command\":\"a\"}\n{\"command\":\"b\"}"}) {
        const auto fd = connect();
        send_text(fd.get(), std::string(line) + "\n");
        EXPECT_THAT(receive(fd.get()), HasSubstr("INVALID_MESSAGE")) << line;
        EXPECT_TRUE(at_end(fd.get())) << line;
    }
    EXPECT_TRUE(call_control(path_, "alive", JsonText::trusted("{}")));
}

TEST_F(ControlSocket, RefusesALineOverTheLimit) {
    start({.line_bytes_max = 100});
    const std::string head = R"({"command":"a","arguments":{"x":")";
    const std::size_t filler = 100 - head.size() - 4;
    const auto with = [](std::size_t n) { return "{\"x\":\"" + std::string(n, 'x') + "\"}"; };
    EXPECT_THAT(call(path_, "a", with(filler)), HasSubstr("ok"));
    EXPECT_THAT(call(path_, "a", with(filler + 1)), HasSubstr("PAYLOAD_TOO_LARGE"));
    EXPECT_THAT(call(path_, "a", with(5'000'000)), HasSubstr("PAYLOAD_TOO_LARGE"));
}

TEST_F(ControlSocket, ClosesAClientThatKeepsSilent) {
    start({.idle_timeout = 20ms});
    const auto fd = connect();
    send_text(fd.get(), "{\"command\"");
    EXPECT_TRUE(at_end(fd.get()));
}

TEST_F(ControlSocket, AnswersItselfWhenTheHandlerDoesNot) {
    start({.answer_timeout = 20ms});
    EXPECT_THAT(call(path_, "silent"), HasSubstr("TIMEOUT"));
}

TEST_F(ControlSocket, ForgetsAnswersThatComeAfterItsEnd) {
    start({.answer_timeout = 20ms});
    EXPECT_TRUE(call_control(path_, "silent", JsonText::trusted("{}")));
    server_.reset();
    handler_.take_kept()(control_ok("1"));
    EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ControlSocket, ClosesClientsBeyondTheMaximum) {
    start({.clients_max = 2});
    const auto first = connect();
    const auto second = connect();
    for (const auto* fd : {&first, &second}) {
        send_text(fd->get(), "{\"command\":\"a\"}\n");
        EXPECT_THAT(receive(fd->get()), HasSubstr("ok"));
    }
    EXPECT_TRUE(at_end(connect().get()));
}

TEST_F(ControlSocket, SaysWhenNobodyListens) {
    const JsonText none = JsonText::trusted("{}");
    EXPECT_EQ(call_control(path_, "a", none).error(), ControlFailure::kNotRunning);
    EXPECT_EQ(call_control("/nowhere/control.sock", "a", none).error(),
              ControlFailure::kNotRunning);
    const runtime::UniqueFd stale(socket(AF_UNIX, SOCK_STREAM, 0));
    const auto address = UnixAddress::of(path_);
    ASSERT_EQ(bind(stale.get(), address->get(), address->size()), 0);
    EXPECT_EQ(call_control(path_, "a", none).error(), ControlFailure::kNotRunning);
    start();
    EXPECT_TRUE(call_control(path_, "a", none)) << "a stale socket is replaced";
}

TEST_F(ControlSocket, SaysWhenSomebodyListensButKeepsSilent) {
    start();
    EXPECT_EQ(call_control(path_, "silent", JsonText::trusted("{}"), 20ms).error(),
              ControlFailure::kNoAnswer);
}

TEST_F(ControlSocket, LivesUnderAPathThatNoAddressCanHold) {
    const std::string deep = folder_ + "/" + std::string(100, 'd') + "/" + std::string(100, 'e');
    std::filesystem::create_directories(deep);
    path_ = control_path(deep);
    start();
    EXPECT_TRUE(std::filesystem::is_socket(path_));
    EXPECT_TRUE(call_control(path_, "a", JsonText::trusted("{}")));
    EXPECT_EQ(call_control(control_path(deep + "/none"), "a", JsonText::trusted("{}")).error(),
              ControlFailure::kNotRunning);
}

TEST_F(ControlSocket, NamesThePathWhenItCannotListen) {
    path_ = "/nowhere/control.sock";
    const auto made = ControlServer::create(path_, handler_);
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error(), HasSubstr("/nowhere/control.sock"));
}

}  // namespace
}  // namespace signalbox::app
