#include "actions/upstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "gateway/recovery_for_tests.h"
#include "gateway/testing.h"

namespace signalbox::gateway {
namespace {

using std::chrono::minutes;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Login;
using testing::StockClient;
using testing::TestClient;
using testing::TestNode;

std::shared_ptr<const actions::ActionRegistry> registry_with(
    std::vector<actions::UpstreamSpec> specs) {
    auto registry = std::make_shared<actions::ActionRegistry>();
    actions::add_built_in_actions(*registry);
    actions::UpstreamOptions options;
    options.upstreams = std::move(specs);
    EXPECT_THAT(actions::add_upstream_actions(*registry, options), IsEmpty());
    return registry;
}

/// With the connection on another shard than its company's too.
class Upstream : public testing::RecoveryFixture {
protected:
    Upstream() { node.set_actions(registry_with({kOrders})); }

    /// What was sent on with the last request.
    std::string forwarded() {
        if (node.http.count() == 0) return "(nothing)";
        return std::string(node.http.last().request.headers.find("Authorization").value_or(""));
    }
    std::string answer(StockClient& client) {
        node.turn();
        client.read();
        return client.messages.empty() ? "" : client.messages.back().text;
    }

    const actions::UpstreamSpec kOrders{.name = "orders.*",
                                        .url = "http://api/{*}",
                                        .permission = "orders:read",
                                        .forward_authorization = true};
};

INSTANTIATE_TEST_SUITE_P(Shards, Upstream, ::testing::Values(1, 3));

TEST_P(Upstream, GetsTheTokenThatTheConnectionCameWith) {
    StockClient alice(node, kAlice);
    alice.connect(elsewhere());
    alice.request("r", "orders.get", R"({"n":1})");
    node.turn();
    EXPECT_EQ(forwarded(), "Bearer " + alice.token);
    EXPECT_EQ(node.http.last().request.url, "http://api/get");
    EXPECT_THAT(node.http.last().request.body,
                HasSubstr(R"("requestId":"r","action":"orders.get","data":{"n":1})"));
    EXPECT_THAT(node.http.last().request.body, HasSubstr(R"("connectionId":")" + alice.sid));
    node.http.answer(HttpResponse::of(200, "application/json", "[7]"));
    EXPECT_THAT(answer(alice), HasSubstr(R"("requestId":"r","action":"orders.get","data":[7])"));
}

TEST_P(Upstream, GetsTheTokenOfTheLastRefresh) {
    StockClient alice(node, kAlice);
    alice.connect();
    const std::string fresh = kAlice.token(node, minutes(90));
    alice.request("f", "auth.refresh", "{\"token\":\"" + fresh + "\"}");
    node.turn();
    alice.request("r", "orders.get");
    node.turn();
    EXPECT_EQ(forwarded(), "Bearer " + fresh);
}

TEST_P(Upstream, GetsOfARecoveredConnectionTheTokenThatCounts) {
    StockClient alice(node, kAlice);
    alice.connect();
    const std::string fresh = kAlice.token(node, minutes(90));
    alice.request("f", "auth.refresh", "{\"token\":\"" + fresh + "\"}");
    node.turn();
    alice.read();
    alice.cut();
    alice.connect(elsewhere());
    ASSERT_TRUE(alice.recovered);
    alice.request("r", "orders.get");
    node.turn();
    EXPECT_EQ(forwarded(), "Bearer " + fresh);
    alice.cut();
    alice.token = kAlice.token(node, minutes(120));
    alice.connect();
    ASSERT_TRUE(alice.recovered);
    alice.request("s", "orders.get");
    node.turn();
    EXPECT_EQ(forwarded(), "Bearer " + alice.token);
}

TEST_P(Upstream, GetsNoTokenThatWasNotKept) {
    actions::UpstreamSpec plain = kOrders;
    plain.forward_authorization = false;
    node.set_actions(registry_with({plain}));
    StockClient alice(node, kAlice);
    alice.connect();
    alice.request("r", "orders.get");
    node.turn();
    EXPECT_EQ(forwarded(), "");
    node.set_actions(registry_with({kOrders}));
    alice.request("s", "orders.get");
    EXPECT_THAT(answer(alice), HasSubstr("INVALID_TOKEN"));
    EXPECT_EQ(node.http.count(), 1U);
}

TEST_P(Upstream, NeedsThePermissionOfItsEntry) {
    Login login = kAlice;
    login.permissions = {"orders:write"};
    StockClient alice(node, login);
    alice.connect();
    alice.request("r", "orders.get");
    EXPECT_THAT(answer(alice), HasSubstr("FORBIDDEN"));
    EXPECT_EQ(node.http.count(), 0U);
}

TEST_P(Upstream, GoesOnWhenAReloadTakesItsActionAway) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.request("r", "orders.get");
    node.turn();
    node.set_actions(registry_with({}));
    alice.request("s", "orders.get");
    EXPECT_THAT(answer(alice), HasSubstr("ACTION_NOT_FOUND"));
    node.http.answer(HttpResponse::of(200, "application/json", "[7]"));
    EXPECT_THAT(answer(alice), HasSubstr(R"("data":[7])"));
}

TEST_P(Upstream, IsCountedByEachOutcome) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.request("r", "orders.get");
    node.turn();
    EXPECT_EQ(stats().upstream.in_flight, 1U);
    node.http.answer(HttpResponse::of(404, "text/plain", ""));
    node.turn();
    EXPECT_EQ(stats().upstream.in_flight, 0U);
    EXPECT_EQ(stats().upstream.requests[static_cast<std::size_t>(actions::UpstreamFate::kRefused)],
              1U);
}

}  // namespace
}  // namespace signalbox::gateway
