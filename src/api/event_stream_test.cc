#include "api/event_stream.h"

#include <gtest/gtest.h>

#include "api/testing.h"

namespace signalbox::api {
namespace {

TEST(EventStream, WritesOneEvent) {
    EXPECT_EQ(event_text("update", R"({"a":1})"), "event: update\ndata: {\"a\":1}\n\n");
}

TEST(EventStream, KeepsEveryKindOfLineBreakInsideTheEvent) {
    EXPECT_EQ(event_text("response", "{\n1,\r\n2\r}"),
              "event: response\ndata: {\ndata: 1,\ndata: 2\ndata: }\n\n");
    EXPECT_EQ(event_text("response", ""), "event: response\ndata: \n\n");
}

TEST(EventStream, IsWantedByAcceptAlone) {
    const auto wants = [](const char* accept) {
        return wants_event_stream(testing::request_of("POST", "/", {{"Accept", accept}}));
    };
    EXPECT_TRUE(wants("text/event-stream"));
    EXPECT_TRUE(wants("application/json, Text/Event-Stream;q=0.5"));
    EXPECT_FALSE(wants("*/*"));
    EXPECT_FALSE(wants("text/event-streams"));
    EXPECT_FALSE(wants(""));
    EXPECT_FALSE(wants_event_stream(testing::request_of("POST", "/")));
}

}  // namespace
}  // namespace signalbox::api
