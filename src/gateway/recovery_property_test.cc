#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "gateway/gateway.h"
#include "gateway/stock_client.h"
#include "updates/update.h"

/// Whatever happens, a client that is told `recovered` has got every message that was for it, once,
/// in order, and no other. Random publishes, requests, breaks and returns, with the tasks between
/// shards in random order, against a model that knows only positions and audiences.
namespace signalbox::gateway {
namespace {

using testing::Login;
using testing::StockClient;
using testing::TestNode;

const std::vector<std::string> kUsers{"u0", "u1", "u2"};
const std::vector<std::string> kArtifacts{"a0", "a1"};

/// An update as it was published.
struct Published {
    std::uint64_t number = 0;
    std::set<std::string> users, artifacts;  // no one named: the whole company
    std::set<std::string> except;
    bool is_volatile = false;
};

/// One client and what the model knows of it since its connection began.
struct Peer {
    Peer(TestNode& node, const std::string& user)
        : user_id(user), client(node, Login{.user = user, .session = "s-" + user}) {}

    /// A fresh connection: nothing from before it comes any more.
    void forget() {
        auto welcome = std::ranges::find(client.messages.rbegin(), client.messages.rend(),
                                         "system.connected", &StockClient::Message::action);
        began = position_of(welcome->offset);
        subscribed.clear();
        asked.clear();
        client.messages.erase(client.messages.begin(), std::next(welcome).base());
    }
    [[nodiscard]] static std::uint64_t position_of(const std::string& offset) {
        return std::stoull(offset.substr(offset.rfind('-') + 1));
    }
    [[nodiscard]] bool watched(const std::string& artifact, std::uint64_t number) const {
        const auto spans = subscribed.find(artifact);
        return spans != subscribed.end() &&
               std::ranges::any_of(spans->second, [&](const auto& span) {
                   return span.first < number && number <= span.second;
               });
    }
    [[nodiscard]] bool is_for(const Published& update) const {
        if (update.number <= began || update.except.contains(user_id)) return false;
        if (update.users.empty() && update.artifacts.empty()) return true;
        return update.users.contains(user_id) ||
               std::ranges::any_of(update.artifacts, [&](const std::string& artifact) {
                   return watched(artifact, update.number);
               });
    }

    std::string user_id;
    StockClient client;
    bool online = false;
    std::uint64_t began = 0;
    std::map<std::string, std::vector<std::pair<std::uint64_t, std::uint64_t>>> subscribed;
    std::vector<std::string> asked;  // request ids; those of tasks begin with "task"
    std::size_t recoveries = 0, failures = 0;
};

class World {
public:
    World(std::uint64_t seed, ShardIndex shards, Options options)
        : random_(seed), shards_(shards), node_(std::move(options), shards) {
        for (const std::string& user : kUsers)
            peers_.push_back(std::make_unique<Peer>(node_, user));
    }

    void run(int steps) {
        for (int i = 0; i < steps && !::testing::Test::HasFatalFailure(); ++i) {
            act(*peers_[random_.below(peers_.size())]);
        }
        settle();
        for (auto& peer : peers_) check(*peer);
    }
    [[nodiscard]] std::size_t recoveries() const { return total(&Peer::recoveries); }
    [[nodiscard]] std::size_t failures() const { return total(&Peer::failures); }

private:
    bool chance(std::uint64_t percent) { return random_.below(100) < percent; }
    [[nodiscard]] std::size_t total(std::size_t Peer::* member) const {
        std::size_t sum = 0;
        for (const auto& peer : peers_) sum += (*peer).*member;
        return sum;
    }

    void act(Peer& peer) {
        const std::uint64_t dice = random_.below(100);
        if (dice < 35) {
            publish();
        } else if (dice < 60) {
            for (std::uint64_t n = random_.below(6); n > 0; --n) {
                node_.mesh.step(static_cast<ShardIndex>(random_.below(shards_)));
            }
        } else if (dice < 66) {
            node_.advance(Milliseconds(random_.below(400)));
        } else if (!peer.online) {
            come_back(peer);
        } else if (dice < 78) {
            ask(peer);
        } else if (dice < 86) {
            change_subscription(peer);
        } else if (dice < 93) {
            peer.client.read(random_.below(5));
        } else {
            break_off(peer);
        }
    }

    void publish() {
        Published published;
        std::string audience;
        const auto list = [&](std::string_view kind, const std::set<std::string>& ids) {
            if (ids.empty()) return;
            audience += (audience.empty() ? "" : ",") + ('"' + std::string(kind) + "\":[");
            for (const auto& id : ids)
                audience += (audience.ends_with('[') ? "\"" : ",\"") + id + '"';
            audience += ']';
        };
        if (chance(30)) published.users.insert(kUsers[random_.below(kUsers.size())]);
        if (chance(40)) published.artifacts.insert(kArtifacts[random_.below(kArtifacts.size())]);
        if (chance(20)) published.except.insert(kUsers[random_.below(kUsers.size())]);
        published.is_volatile = chance(10);
        list("users", published.users);
        list("artifacts", published.artifacts);
        if (!published.except.empty()) {
            audience += (audience.empty() ? "" : ",") + std::string(R"("except":{"users":[")") +
                        *published.except.begin() + "\"]}";
        }
        const std::string json = R"({"action":"update","audience":{)" + audience +
                                 R"(},"volatile":)" + (published.is_volatile ? "true" : "false") +
                                 "}";
        auto updates = updates::parse_updates(json, *CompanyId::parse("acme"));
        ASSERT_TRUE(updates.has_value()) << json;
        const auto shard = static_cast<ShardIndex>(random_.below(shards_));
        node_.gateway(shard).publish_trusted(
            std::move(*updates), [this, published](auto receipt) mutable {
                ASSERT_TRUE(receipt.has_value());
                published.number = Peer::position_of(receipt->positions.at(0));
                log_[published.number] = published;
            });
    }

    void ask(Peer& peer) {
        const bool task = chance(30);
        const std::string id =
            (task ? "task" : "ask") + std::to_string(next_++) + '-' + peer.user_id;
        peer.asked.push_back(id);
        peer.client.request(id, task ? "longTask" : "echo",
                            task ? R"({"steps":3,"ms":300})" : R"("some data")");
    }

    /// Alone, so that the model knows the position at which it took effect.
    void change_subscription(Peer& peer) {
        node_.mesh.run();
        const std::string& artifact = kArtifacts[random_.below(kArtifacts.size())];
        auto& spans = peer.subscribed[artifact];
        const bool on = !spans.empty() && spans.back().second == UINT64_MAX;
        const std::uint64_t now = log_.empty() ? 0 : log_.rbegin()->first;
        const std::string id = "subscription" + std::to_string(next_++);
        peer.asked.push_back(id);
        peer.client.request(id, on ? "artifact.unsubscribe" : "artifact.subscribe",
                            R"({"artifactId":")" + artifact + "\"}");
        node_.mesh.run();
        if (on) {
            spans.back().second = now;
        } else {
            spans.emplace_back(now, UINT64_MAX);
        }
    }

    void break_off(Peer& peer) {
        peer.client.read(random_.below(4));
        peer.online = false;
        if (chance(50)) return peer.client.stall();
        peer.client.cut();
    }

    void come_back(Peer& peer) {
        const std::string pid = peer.client.pid;
        peer.client.begin(static_cast<ShardIndex>(random_.below(shards_)));
        // What is published while the CONNECT is on its way comes once, before or after it.
        for (std::uint64_t n = random_.below(6); n > 0; --n) {
            if (chance(40)) publish();
            node_.mesh.step(static_cast<ShardIndex>(random_.below(shards_)));
        }
        if (chance(15)) return peer.client.cut();  // gone before the answer
        node_.turn();
        peer.client.read();
        ASSERT_TRUE(peer.client.connected) << peer.client.refusal;
        peer.online = true;
        if (peer.client.recovered) {
            ++peer.recoveries;
        } else {
            if (!pid.empty()) ++peer.failures;
            peer.forget();
        }
    }

    void settle() {
        node_.mesh.run();
        for (auto& peer : peers_) {
            for (int attempt = 0; !peer->online && attempt < 100; ++attempt) come_back(*peer);
        }
        node_.advance(std::chrono::seconds(3));
        for (auto& peer : peers_) peer->client.read();
    }

    void check(const Peer& peer) {
        std::vector<std::uint64_t> expected, got;
        for (const auto& [number, update] : log_) {
            if (!update.is_volatile && peer.is_for(update)) expected.push_back(number);
        }
        std::map<std::string, std::string> answers;
        for (const auto& message : peer.client.messages) {
            if (message.kind == "push") {
                const Published& update = log_.at(message.position);
                EXPECT_TRUE(peer.is_for(update)) << peer.user_id << ' ' << message.position;
                if (!update.is_volatile) got.push_back(message.position);
            } else if (message.kind == "status") {
                const std::size_t at = message.text.find("\"seq\":");
                answers[message.request_id] += message.text.substr(at + 6, 1);
            } else if (message.type == "RESPONSE") {
                answers[message.request_id] += 'R';
            }
        }
        EXPECT_EQ(got, expected) << peer.user_id << " since " << peer.began;
        for (const std::string& id : peer.asked) {
            EXPECT_EQ(answers[id], id.starts_with("task") ? "12345R" : "R")
                << peer.user_id << ' ' << id;
        }
    }

    SeededRandom random_;
    ShardIndex shards_;
    TestNode node_;
    std::vector<std::unique_ptr<Peer>> peers_;
    std::map<std::uint64_t, Published> log_;
    std::size_t next_ = 0;
};

Options unlimited() {
    Options options;
    options.limits.connection_messages = {};
    options.limits.address_handshakes = {};
    options.limits.in_flight_per_connection = 0;
    return options;
}

TEST(RecoveryProperty, LosesAndDoublesNothing) {
    std::size_t recoveries = 0, failures = 0;
    for (std::uint64_t seed = 1; seed <= 60 && !HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        World world(seed, seed % 2 == 0 ? 1 : 3, unlimited());
        world.run(250);
        recoveries += world.recoveries();
        failures += world.failures();
    }
    EXPECT_GT(recoveries, 300U);
    // Of two CONNECTs of one client that overlap, the first given up, the second may come out
    // fresh.
    EXPECT_LT(failures, recoveries / 50);
}

TEST(RecoveryProperty, SaysSoWhenSomethingIsForgotten) {
    std::size_t recoveries = 0, failures = 0;
    for (std::uint64_t seed = 1; seed <= 60 && !HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Options options = unlimited();
        options.recovery.log_bytes_max = 1'500 + 500 * (seed % 5);
        options.recovery.private_bytes_max = 300 + 200 * (seed % 4);
        World world(seed, seed % 2 == 0 ? 1 : 3, options);
        world.run(250);
        recoveries += world.recoveries();
        failures += world.failures();
    }
    EXPECT_GT(recoveries, 30U);
    EXPECT_GT(failures, 30U);
}

}  // namespace
}  // namespace signalbox::gateway
