#include "library/event_log.h"

#include <gtest/gtest.h>

namespace signalbox::io::detail {
namespace {

using Names = std::vector<std::string>;

class EventLogTest : public ::testing::Test {
protected:
    void append(Stamp stamp, std::string name = "e") {
        log_.append({stamp, {}, std::make_shared<const OutgoingEvent>(std::move(name), Args())},
                    now_);
    }
    std::optional<EventLog::Position> resume(std::string_view offset, EventLog::Position joined) {
        return log_.resume_at(offset, joined, now_);
    }
    Names from(EventLog::Position position) {
        Names names;
        log_.for_each_from(position,
                           [&](const LoggedEvent& one) { names.push_back(one.event->name); });
        return names;
    }

    MonotonicTime now_{std::chrono::hours(1)};
    EventLog log_{{.kept = Milliseconds(1000), .bytes_max = 10'000}};
};

TEST_F(EventLogTest, GoesOnBehindTheOffset) {
    append({0, 1}, "a");
    append({1, 1}, "b");
    append({0, 2}, "c");
    EXPECT_EQ(from(*resume("0-1", 0)), (Names{"b", "c"}));
    EXPECT_EQ(from(*resume("1-1", 0)), Names{"c"});
    EXPECT_EQ(from(*resume("0-2", 0)), Names{});
}

TEST_F(EventLogTest, GoesOnFromTheJoinForAClientThatHasHeardNothing) {
    append({0, 1}, "a");
    const auto joined = log_.end();
    append({0, 2}, "b");
    EXPECT_EQ(from(*resume("", joined)), Names{"b"});
}

TEST_F(EventLogTest, ClampsAnOffsetOfAnEarlierLifeToTheJoin) {
    append({0, 1}, "a");
    append({0, 2}, "b");
    const auto joined = log_.end();
    append({0, 3}, "c");
    EXPECT_EQ(from(*resume("0-1", joined)), Names{"c"});
    EXPECT_EQ(from(*resume("7-7", joined)), Names{"c"});
    EXPECT_EQ(from(*resume("nonsense", joined)), Names{"c"});
}

TEST_F(EventLogTest, RefusesWhatTimeHasTaken) {
    append({0, 1}, "a");
    now_ += Milliseconds(600);
    append({0, 2}, "b");
    EXPECT_TRUE(resume("", 0));
    now_ += Milliseconds(600);
    EXPECT_FALSE(resume("", 0));
    EXPECT_EQ(from(*resume("", 1)), Names{"b"});
    now_ += Milliseconds(600);
    EXPECT_EQ(from(*resume("", 2)), Names{});
}

TEST_F(EventLogTest, RefusesWhatTheBoundHasTaken) {
    append({0, 1}, std::string(6000, 'x'));
    EXPECT_TRUE(resume("", 0));
    append({0, 2}, std::string(6000, 'y'));
    EXPECT_FALSE(resume("", 0));
    EXPECT_TRUE(resume("0-2", 0));
}

TEST_F(EventLogTest, KnowsHowFarEachOriginHasCome) {
    append({2, 5});
    EXPECT_TRUE(log_.progress().covers({2, 5}));
    EXPECT_TRUE(log_.progress().covers({2, 4}));
    EXPECT_FALSE(log_.progress().covers({2, 6}));
    EXPECT_FALSE(log_.progress().covers({0, 1}));
    EXPECT_FALSE(log_.progress().covers({9, 1}));
}

TEST(Stamp, TravelsAsAnOffset) {
    EXPECT_EQ(Stamp::parse(Stamp{3, 12}.offset()), (Stamp{3, 12}));
    for (const std::string_view text : {"", "-", "1-", "-1", "1", "a-b", "1-2x", "1--2"})
        EXPECT_FALSE(Stamp::parse(text)) << text;
}

TEST(Selection, MeansRoomsWithoutTheExcepted) {
    EXPECT_TRUE((Selection{{}, {}}.includes({"a"})));
    EXPECT_TRUE((Selection{{"a", "b"}, {}}.includes({"x", "b"})));
    EXPECT_FALSE((Selection{{"a"}, {}}.includes({"x"})));
    EXPECT_FALSE((Selection{{"a"}, {"x"}}.includes({"a", "x"})));
}

}  // namespace
}  // namespace signalbox::io::detail
