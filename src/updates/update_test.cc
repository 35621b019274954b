#include "updates/update.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace signalbox::updates {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::optional<CompanyId> kOwn = CompanyId::trusted("own");

std::string faults(std::string_view text, const std::optional<CompanyId>& own = kOwn) {
    const auto updates = parse_updates(text, own);
    return updates ? "accepted" : updates.error().code + " " + updates.error().details;
}

std::string fault_at(std::string_view path) {
    return "\"path\":\"" + std::string(path) + "\"";
}

std::string with(std::string_view members) {
    return R"({"action":"news",)" + std::string(members) + "}";
}

TEST(ParseUpdates, ReadsEveryMember) {
    const auto updates = parse_updates(
        R"({"type":"UPDATE","companyId":"c","artifactId":"a:b","action":"news","data":{ "n": 1.10 },)"
        R"("requestId":"r","idempotencyKey":"k","volatile":true})",
        kOwn);
    ASSERT_TRUE(updates.has_value()) << updates.error().details;
    ASSERT_EQ(updates->size(), 1U);
    const Update& update = updates->front();
    EXPECT_EQ(update.company.str(), "c");
    EXPECT_EQ(update.artifact->str(), "a:b");
    EXPECT_EQ(update.action, "news");
    EXPECT_EQ(update.data, R"({ "n": 1.10 })");
    EXPECT_EQ(update.request_id, "r");
    EXPECT_EQ(update.idempotency_key, "k");
    EXPECT_TRUE(update.is_volatile);
    EXPECT_THAT(rooms_of(update), ElementsAre("artifact:c:a%3Ab"));
}

TEST(ParseUpdates, GoesToTheWholeOwnCompanyUnlessToldOtherwise) {
    const auto updates =
        parse_updates(R"({"action":"news","artifactId":null,"audience":null})", kOwn);
    ASSERT_TRUE(updates.has_value());
    EXPECT_EQ(updates->front().data, "");
    EXPECT_EQ(updates->front().request_id, "");
    EXPECT_FALSE(updates->front().is_volatile);
    EXPECT_THAT(rooms_of(updates->front()), ElementsAre("company:own"));
    EXPECT_TRUE(except_rooms_of(updates->front()).empty());
    EXPECT_THAT(faults(R"({"action":"news"})", std::nullopt), HasSubstr(fault_at("/companyId")));
}

TEST(ParseUpdates, ReadsAnAudience) {
    const auto updates = parse_updates(
        with(
            R"("audience":{"users":["u",7],"artifacts":["a"],"except":{"connections":["k"],"sessions":[]}})"),
        kOwn);
    ASSERT_TRUE(updates.has_value()) << updates.error().details;
    EXPECT_THAT(rooms_of(updates->front()),
                ElementsAre("user:own:u", "user:own:7", "artifact:own:a"));
    EXPECT_THAT(except_rooms_of(updates->front()), ElementsAre("k"));
    const auto all_but = parse_updates(with(R"("audience":{"except":{"users":["u"]}})"), kOwn);
    EXPECT_THAT(rooms_of(all_but->front()), ElementsAre("company:own"));
    EXPECT_THAT(except_rooms_of(all_but->front()), ElementsAre("user:own:u"));
}

TEST(ParseUpdates, NeverWidensAnAudienceByASlip) {
    EXPECT_THAT(faults(with(R"("audience":{"user":["u"]})")),
                HasSubstr(fault_at("/audience/user")));
    EXPECT_THAT(faults(with(R"("audiance":{"users":["u"]})")), HasSubstr(fault_at("/audiance")));
    EXPECT_THAT(faults(with(R"("audience":{"users":[]})")), HasSubstr("selects nobody"));
    EXPECT_THAT(faults(with(R"("audience":{"except":{"user":["u"]}})")),
                HasSubstr(fault_at("/audience/except/user")));
    EXPECT_THAT(faults(with(R"("audience":{"users":["u"]},"audience":null)")),
                HasSubstr("occurs twice"));
    EXPECT_THAT(faults(with(R"("companyId":"a","companyId":"b")")), HasSubstr("occurs twice"));
    EXPECT_THAT(faults(with(R"("audience":{"users":["u"],"users":["v"]})")),
                HasSubstr("occurs twice"));
    EXPECT_THAT(faults(with(R"("artifactId":"a","audience":{})")),
                HasSubstr("together with artifactId"));
}

TEST(ParseUpdates, TellsAllFaultsWithTheirPlaces) {
    const std::string told = faults(
        R"([{"action":"a"},{"action":"system.x","artifactId":"a b","volatile":1},7,)"
        R"({"requestId":"","audience":{"users":"u","sessions":["s",null]},"idempotencyKey":"","a/b":1,"type":"X"}])");
    EXPECT_THAT(told, HasSubstr("VALIDATION_FAILED "));
    for (const char* path :
         {"/1/action", "/1/artifactId", "/1/volatile", "/2", "/3/requestId", "/3/audience/users",
          "/3/audience/sessions/1", "/3/idempotencyKey", "/3/a~1b", "/3/type", "/3/action"}) {
        EXPECT_THAT(told, HasSubstr(fault_at(path)));
    }
    EXPECT_EQ(told.find(fault_at("/0")), std::string::npos);
}

TEST(ParseUpdates, HaveOneKeyAtMost) {
    EXPECT_EQ(faults(R"([{"action":"a","idempotencyKey":"k"}])"), "accepted");
    EXPECT_THAT(faults(R"([{"action":"a"},{"action":"b","idempotencyKey":"k"}])"),
                HasSubstr(fault_at("/1/idempotencyKey")));
}

TEST(ParseUpdates, FindTheirKey) {
    EXPECT_EQ(idempotency_key_of(R"({"action":"a","idempotencyKey":"k\u0031"})"), "k1");
    EXPECT_EQ(idempotency_key_of(R"([{"action":"a","idempotencyKey":"k"}])"), "k");
    for (const char* none : {"", "7", "{}", "[]", R"({"data":{"idempotencyKey":"k"}})",
                             R"({"idempotencyKey":7})", R"({"idempotencyKey":"a b"})",
                             R"([{"idempotencyKey":"k"},{}])", R"({"data":"idempotencyKey"})"}) {
        EXPECT_EQ(idempotency_key_of(none), "") << none;
    }
}

TEST(ParseUpdates, TellsOfWhatIsNotJson) {
    EXPECT_EQ(faults("{"), "INVALID_MESSAGE ");
    EXPECT_EQ(faults(with(R"("data":1e400)")), "INVALID_MESSAGE ");
    EXPECT_THAT(faults("7"), HasSubstr("must be an object"));
}

TEST(ParseUpdates, TakesListsOf1To100) {
    const auto list_of = [](int count) {
        std::string text = "[";
        for (int i = 0; i < count; ++i)
            text += R"({"action":"a","data":)" + std::to_string(i) + "},";
        text.back() = ']';
        return count == 0 ? "[]" : text;
    };
    EXPECT_THAT(faults(list_of(0)), HasSubstr("1 to 100"));
    EXPECT_THAT(faults(list_of(101)), HasSubstr("1 to 100"));
    const auto updates = parse_updates(list_of(100), kOwn);
    ASSERT_TRUE(updates.has_value());
    ASSERT_EQ(updates->size(), 100U);
    EXPECT_EQ(updates->back().data, "99");
}

TEST(ParseUpdates, BoundsTheListsOfAnAudience) {
    const auto of = [](int count) {
        std::string ids;
        for (int i = 0; i < count; ++i) ids += (i == 0 ? "" : ",") + std::to_string(i);
        return with("\"audience\":{\"users\":[" + ids + "]}");
    };
    EXPECT_EQ(faults(of(1'000)), "accepted");
    EXPECT_THAT(faults(of(1'001)), HasSubstr("at most 1000"));
}

TEST(ParseUpdates, TellsNoMoreThan32FaultsAndCutsLongNames) {
    std::string ids = "\"\"";
    for (int i = 0; i < 900; ++i) ids += ",\"\"";
    EXPECT_LT(faults(with("\"audience\":{\"users\":[" + ids + "]}")).size(), 4'000U);
    EXPECT_LT(faults(with("\"" + std::string(100'000, '/') + "\":1")).size(), 500U);
}

}  // namespace
}  // namespace signalbox::updates
