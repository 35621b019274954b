#include "runtime/read_turns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace signalbox::runtime {
namespace {

/// A connection that always has input.
class Reader final : public InputReader {
public:
    Reader(ReadTurns& turns, InputShare share, std::string& order, char name)
        : turns_(turns), share_(std::move(share)), order_(order), name_(name) {
        turns_.join(share_);
    }
    ~Reader() {
        if (waits_) turns_.forget(share_, *this);
        turns_.leave(share_);
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    void become_ready() {
        if (waits_) return;
        if (!turns_.are_taken()) {
            read();
        } else if (turns_.may_read(share_)) {
            turns_.spend(share_, read());
        } else {
            waits_ = true;
            turns_.wait(share_, *this);
        }
    }
    std::size_t read_in_turn() override {
        waits_ = false;
        return read();
    }

    std::size_t cost = static_cast<std::size_t>(ReadTurns::kQuantum) / 2;
    std::function<void()> on_read = [] {};

private:
    std::size_t read() {
        order_ += name_;
        on_read();
        return cost;
    }
    ReadTurns& turns_;
    InputShare share_;
    std::string& order_;
    char name_;
    bool waits_ = false;
};

class ReadTurnsTest : public testing::Test {
protected:
    Reader& add(const InputShare& share, char name) {
        readers.push_back(std::make_unique<Reader>(turns, share, order, name));
        return *readers.back();
    }
    /// All are ready, in the order of their making. @return who was read
    std::string turn() {
        order.clear();
        turns.begin_turn();
        for (const auto& reader : readers) reader->become_ready();
        turns.serve();
        return order;
    }

    ReadTurns turns;
    std::string order;
    InputShare a = InputShare::make();
    InputShare b = InputShare::make();
    std::vector<std::unique_ptr<Reader>> readers;
};

TEST_F(ReadTurnsTest, ReadAllAtOnceForOneShareAlone) {
    for (const char name : {'1', '2', '3', '4', '5', '6', '7', '8', '9'}) add(a, name);
    EXPECT_EQ(turn(), "123456789");
    EXPECT_FALSE(turns.anybody_waits());
}

TEST_F(ReadTurnsTest, PutOffWhatAShareHasBeyondItsQuantum) {
    for (const char name : {'1', '2', '3', '4', '5', '6'}) add(a, name);
    add(b, 'q');
    EXPECT_EQ(turn(), "12q3");
    EXPECT_TRUE(turns.anybody_waits());
    EXPECT_EQ(turn(), "q456");
    EXPECT_EQ(turn(), "q123") << "those that wait are not overtaken by their own";
}

TEST_F(ReadTurnsTest, ServeSharesThatWaitInTurnHoweverManyTheyAre) {
    for (const char name : {'1', '2', '3', '4', '5', '6', '7', '8'}) add(a, name);
    for (const char name : {'p', 'q', 'r', 's'}) add(b, name);
    std::size_t of_a = 0, of_b = 0;
    for (int i = 0; i < 100; ++i) {
        for (const char name : turn()) ++(name <= '9' ? of_a : of_b);
    }
    EXPECT_NEAR(static_cast<double>(of_a), static_cast<double>(of_b), 4);
}

TEST_F(ReadTurnsTest, CountWhatIsReadAndNotHowOften) {
    for (const char name : {'1', '2', '3', '4'}) add(a, name).cost = ReadTurns::kQuantum;
    for (const char name : {'p', 'q', 'r', 's'}) add(b, name).cost = ReadTurns::kQuantum / 4;
    std::size_t of_a = 0, of_b = 0;
    for (int i = 0; i < 100; ++i) {
        for (const char name : turn()) ++(name <= '9' ? of_a : of_b);
    }
    EXPECT_NEAR(static_cast<double>(4 * of_a), static_cast<double>(of_b), 24);
}

TEST_F(ReadTurnsTest, ReadSomethingForThoseWhoWaitWhateverOthersHave) {
    for (const char name : {'1', '2', '3'}) add(a, name).cost = ReadTurns::kQuantum;
    for (int i = 0; i < 20; ++i) add(InputShare::make(), 'x').cost = ReadTurns::kQuantum;
    turn();
    const std::string second = turn();
    EXPECT_EQ(std::ranges::count(second, 'x'), 20);
    EXPECT_EQ(second.size(), 21U);
}

TEST_F(ReadTurnsTest, ForgetWhoEndsWhileItWaits) {
    for (const char name : {'1', '2', '3', '4', '5'}) add(a, name);
    add(b, 'q');
    EXPECT_EQ(turn(), "12q3");
    readers.erase(readers.begin() + 3, readers.begin() + 5);
    EXPECT_FALSE(turns.anybody_waits());
    EXPECT_EQ(turn(), "12q3");
}

TEST_F(ReadTurnsTest, BearThatAReaderEndsOthersThatWait) {
    for (const char name : {'1', '2', '3', '4', '5'}) add(a, name);
    add(b, 'q');
    readers[2]->on_read = [this] { readers[3].reset(), readers[4].reset(); };
    order.clear();
    turns.begin_turn();
    for (const auto& reader : readers) reader->become_ready();
    turns.serve();
    EXPECT_EQ(order, "12q3");
    EXPECT_FALSE(turns.anybody_waits());
    readers.clear();
    EXPECT_FALSE(turns.are_taken());
}

}  // namespace
}  // namespace signalbox::runtime
