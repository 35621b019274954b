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

/// The same where an API is asked.
class ApiFixture : public RecoveryFixture {
protected:
    using RecoveryFixture::RecoveryFixture;

    /// Answers what is asked, and what is asked because of that.
    void answer(std::string_view json) {
        while (answered_ < node.http.count()) finish_next(json);
        node.turn();
    }
    /// Answers the oldest question alone.
    void answer_one(std::string_view json) {
        finish_next(json);
        node.turn();
    }
    void fail() {
        for (; answered_ < node.http.count(); ++answered_) {
            signalbox::testing::FakeHttpClient::finish(
                node.http.at(answered_),
                std::unexpected(HttpClientFailure{HttpClientFault::kUnreachable, "down"}));
        }
        node.turn();
    }

    std::size_t answered_ = 0;  ///< questions, in their order

private:
    void finish_next(std::string_view json) {
        signalbox::testing::FakeHttpClient::finish(
            node.http.at(answered_++),
            HttpResponse::of(200, "application/json", std::string(json)));
    }
};

}  // namespace signalbox::gateway::testing
