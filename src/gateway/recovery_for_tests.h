#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "gateway/gateway.h"
#include "gateway/stock_client.h"
#include "updates/update.h"

namespace signalbox::gateway::testing {

/// On one shard, and with the client coming back on another than it left.
class RecoveryFixture : public ::testing::TestWithParam<ShardIndex> {
protected:
    explicit RecoveryFixture(Options options = {}) : node(std::move(options), GetParam()) {}

    [[nodiscard]] ShardIndex elsewhere() const { return static_cast<ShardIndex>(GetParam() - 1); }
    void publish(std::string_view json) {
        auto updates = updates::parse_updates(json, *CompanyId::parse("acme"));
        ASSERT_TRUE(updates.has_value());
        bool published = false;
        node.gateway().publish_trusted(std::move(*updates),
                                       [&](auto receipt) { published = receipt.has_value(); });
        node.turn();
        ASSERT_TRUE(published);
    }
    void publish_named(std::string_view action) {
        publish(R"({"action":")" + std::string(action) + "\"}");
    }
    [[nodiscard]] Stats stats() {
        Stats sum;
        for (ShardIndex i = 0; i < GetParam(); ++i) sum.add(node.gateway(i).stats());
        return sum;
    }

    TestNode node;
    const Login kAlice{.user = "alice", .session = "s-alice"};
};

}  // namespace signalbox::gateway::testing
