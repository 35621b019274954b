#include "runtime/poller.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace signalbox::runtime {
namespace {

/// One end of a pair of sockets, watched edge-triggered; the other is written to.
class Watched final : public Watcher {
public:
    explicit Watched(Poller& poller) : poller_(poller) {
        int fds[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        here_ = UniqueFd(fds[0]);
        there_ = UniqueFd(fds[1]);
        EXPECT_TRUE(poller_.add_edge_triggered(here_.get(), *this));
    }
    ~Watched() { remove(); }

    void on_ready(Readiness readiness) override {
        heard.push_back(readiness);
        if (then) then();
    }
    void send(std::string_view bytes) const {
        EXPECT_EQ(::write(there_.get(), bytes.data(), bytes.size()), std::ssize(bytes));
    }
    void finish_sending() const { ::shutdown(there_.get(), SHUT_WR); }
    void remove() {
        if (std::exchange(watched_, false)) poller_.remove(here_.get(), *this);
    }

    std::vector<Readiness> heard;
    std::function<void()> then;

private:
    Poller& poller_;
    UniqueFd here_, there_;
    bool watched_ = true;
};

/// A round that does not sleep.
void round(Poller& poller) {
    poller.wait(std::chrono::nanoseconds(0));
    poller.dispatch();
}

TEST(Poller, TellsAnEdgeTriggeredWatcherOnceOfEachChange) {
    Poller poller;
    Watched connection(poller);
    round(poller);
    ASSERT_EQ(connection.heard.size(), 1U);
    EXPECT_TRUE(connection.heard[0].writable);
    EXPECT_FALSE(connection.heard[0].readable);
    connection.send("a");
    for (int i = 0; i < 3; ++i) round(poller);
    ASSERT_EQ(connection.heard.size(), 2U) << "unread, it is not told again";
    EXPECT_TRUE(connection.heard[1].readable);
    EXPECT_FALSE(connection.heard[1].peer_closed);
    connection.finish_sending();
    round(poller);
    ASSERT_EQ(connection.heard.size(), 3U);
    EXPECT_TRUE(connection.heard[2].readable && connection.heard[2].peer_closed);
}

TEST(Poller, TellsNothingToOneThatWasRemoved) {
    Poller poller;
    Watched connection(poller);
    connection.send("a");
    poller.wait(std::chrono::nanoseconds(0));
    connection.remove();
    poller.dispatch();
    EXPECT_TRUE(connection.heard.empty());
}

TEST(Poller, RepeatsOnceInTheNextRoundWithoutSleeping) {
    Poller poller;
    Watched connection(poller);
    round(poller);
    connection.heard.clear();
    poller.repeat(connection);
    poller.wait(std::nullopt);
    poller.dispatch();
    ASSERT_EQ(connection.heard.size(), 1U);
    EXPECT_TRUE(connection.heard[0].repeated);
    round(poller);
    EXPECT_EQ(connection.heard.size(), 1U);
}

TEST(Poller, RepeatsNoMoreInARoundThanItTellsOf) {
    Poller poller;
    Watched connection(poller);
    round(poller);
    connection.heard.clear();
    for (std::size_t i = 0; i < Poller::kEventsMax + 1; ++i) poller.repeat(connection);
    round(poller);
    EXPECT_EQ(connection.heard.size(), Poller::kEventsMax);
    round(poller);
    EXPECT_EQ(connection.heard.size(), Poller::kEventsMax + 1);
}

TEST(Poller, PutsWhatIsAskedForDuringARoundOffToTheNext) {
    Poller poller;
    Watched connection(poller);
    connection.then = [&] { poller.repeat(connection); };
    for (std::size_t rounds = 1; rounds <= 3; ++rounds) {
        round(poller);
        EXPECT_EQ(connection.heard.size(), rounds);
    }
}

TEST(Poller, RepeatsNothingThatWasRemoved) {
    Poller poller;
    Watched first(poller), second(poller), third(poller);
    round(poller);
    poller.repeat(first);
    poller.repeat(second);
    poller.repeat(third);
    first.remove();
    second.then = [&] { third.remove(); };
    first.heard.clear();
    second.heard.clear();
    third.heard.clear();
    round(poller);
    EXPECT_TRUE(first.heard.empty());
    EXPECT_EQ(second.heard.size(), 1U);
    EXPECT_TRUE(third.heard.empty());
}

}  // namespace
}  // namespace signalbox::runtime
