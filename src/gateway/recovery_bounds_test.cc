#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/recovery_for_tests.h"

/// What recovery keeps, how long, and what running executions send meanwhile.
namespace signalbox::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Login;
using testing::StockClient;
using testing::TestNode;

class SmallRecovery : public testing::RecoveryFixture {
protected:
    SmallRecovery() : RecoveryFixture(small()) {}
    static Options small() {
        Options options;
        options.recovery.log_bytes_max = 2'000;
        options.recovery.private_bytes_max = 1'000;
        options.recovery.parked_per_session_max = 2;
        options.recovery.parked_per_user_max = 3;
        options.recovery.parked_per_company_max = 4;
        return options;
    }
};

INSTANTIATE_TEST_SUITE_P(Shards, SmallRecovery, ::testing::Values(1, 3));

TEST_P(SmallRecovery, SaysSoWhenTheLogHasForgotten) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.cut();
    for (int i = 0; i < 20; ++i) publish_named("a");
    alice.messages.clear();
    alice.connect(elsewhere());
    EXPECT_FALSE(alice.recovered);
    EXPECT_THAT(alice.take_names(), ElementsAre("system.connected"));
    EXPECT_EQ(stats().recoveries_failed, 1U);
    EXPECT_EQ(stats().connections_parked, 0U);
}

TEST_P(SmallRecovery, SaysSoWhenTheRingHasForgotten) {
    StockClient alice(node, kAlice);
    alice.connect();
    for (int i = 0; i < 20; ++i) {
        alice.request("r" + std::to_string(i), "echo", R"("0123456789")");
        node.turn();
    }
    alice.read();
    alice.cut();
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered) << "all had arrived";
    for (int i = 0; i < 20; ++i) {
        alice.request("s" + std::to_string(i), "echo", R"("0123456789")");
        node.turn();
    }
    alice.cut();
    alice.connect();
    EXPECT_FALSE(alice.recovered);
}

TEST_P(SmallRecovery, KeepsOnlySoManyOfASessionUserAndCompany) {
    std::vector<std::unique_ptr<StockClient>> clients;
    const auto connect_and_cut = [&](const char* user, const char* session) {
        clients.push_back(
            std::make_unique<StockClient>(node, Login{.user = user, .session = session}));
        clients.back()->connect();
        clients.back()->cut();
        node.turn();
    };
    for (int i = 0; i < 3; ++i) connect_and_cut("u1", "s1");
    EXPECT_EQ(stats().connections_parked, 2U);
    for (int i = 0; i < 2; ++i) connect_and_cut("u1", "s2");
    EXPECT_EQ(stats().connections_parked, 3U);
    for (int i = 0; i < 2; ++i) connect_and_cut("u2", "s3");
    EXPECT_EQ(stats().connections_parked, 4U);
    EXPECT_EQ(stats().parked_dropped, 3U);
    std::vector<bool> recovered;
    for (auto& client : clients) {
        client->connect(elsewhere());
        recovered.push_back(client->recovered);
    }
    EXPECT_THAT(recovered, ElementsAre(false, false, false, true, true, true, true));
}

TEST_P(SmallRecovery, ForgetsRingsWithAge) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.request("r", "echo");
    node.turn();
    node.advance(std::chrono::minutes(3));
    alice.cut();
    alice.connect(elsewhere());
    EXPECT_FALSE(alice.recovered);
}

const Login kAlice{.user = "alice", .session = "s-alice"};

TEST(RecoveryOff, GivesNoPidsAndKeepsNothing) {
    Options options;
    options.recovery.enabled = false;
    TestNode node(options);
    StockClient alice(node, kAlice);
    alice.connect();
    alice.request("r", "echo");
    node.turn();
    alice.read();
    EXPECT_TRUE(alice.pid.empty());
    EXPECT_EQ(alice.messages.back().offset, "");
    alice.cut();
    alice.pid = std::string(42, 'A');
    alice.connect();
    EXPECT_FALSE(alice.recovered);
    EXPECT_TRUE(alice.connected);
}

TEST(RecoveryReplay, IsNotTriedWhenItIsTooMuchForTheTransport) {
    Options options;
    options.recovery.replay_bytes_max = 2'000;
    TestNode node(options);
    StockClient alice(node, kAlice);
    alice.connect();
    alice.cut();
    for (int i = 0; i < 10; ++i) {
        node.gateway().publish_trusted(
            *updates::parse_updates(R"({"action":"a"})", *CompanyId::parse("acme")), [](auto) {});
    }
    alice.connect();
    EXPECT_FALSE(alice.recovered);
}

class ExecutionRecovery : public testing::RecoveryFixture {};

INSTANTIATE_TEST_SUITE_P(Shards, ExecutionRecovery, ::testing::Values(1, 3));

TEST_P(ExecutionRecovery, BringsStatusesAndAnswersOfWhatWasRunning) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.messages.clear();
    alice.request("task", "longTask", R"({"steps":4,"ms":400})");
    node.advance(Milliseconds(150));
    alice.read(2);
    alice.cut();
    node.advance(Milliseconds(150));
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered);
    node.advance(std::chrono::seconds(3));
    alice.read();
    std::string seqs;
    for (const auto& message : alice.messages) {
        if (message.request_id != "task") continue;
        const std::size_t at = message.text.find("\"seq\":");
        seqs += at == std::string::npos ? message.type : message.text.substr(at + 6, 1);
    }
    EXPECT_EQ(seqs, "123456RESPONSE");
    alice.request("after", "execution.cancel", R"({"requestId":"task"})");
    node.turn();
    alice.read();
    EXPECT_THAT(alice.messages.back().text, HasSubstr(R"("cancelled":0)"));
}

TEST_P(ExecutionRecovery, CancelsAnExecutionOnWhateverShardItRuns) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.request("a", "slow", R"({"ms":5000})");
    node.turn();
    alice.cut();
    alice.connect(elsewhere());
    alice.messages.clear();
    alice.request("c", "execution.cancel", R"({"requestId":"a"})");
    node.turn();
    alice.read();
    ASSERT_EQ(alice.messages.size(), 2U);
    const bool first = alice.messages[0].request_id == "a";
    EXPECT_THAT(alice.messages[first ? 0 : 1].text, HasSubstr("CANCELLED"));
    EXPECT_THAT(alice.messages[first ? 1 : 0].text, HasSubstr(R"("cancelled":1)"));
}

TEST_P(ExecutionRecovery, DoesNotCoverAcks) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.send(R"(27["slow",{"ms":1000}])");
    node.turn();
    alice.cut();
    alice.connect(elsewhere());
    // The number is free for another question of the recovered connection.
    alice.send(R"(27["system.ping",{}])");
    node.turn();
    (void)alice.transport().take_texts();
    node.advance(std::chrono::seconds(2));
    EXPECT_THAT(alice.transport().take_texts(), IsEmpty());
    alice.messages.clear();
    alice.request("limit", "echo");
    node.turn();
    alice.read();
    EXPECT_THAT(alice.take_names(), ElementsAre("limit"));
}

}  // namespace
}  // namespace signalbox::gateway
