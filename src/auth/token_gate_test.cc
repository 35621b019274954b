#include "auth/token_gate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/key_set.h"
#include "auth/keys_for_tests.h"

namespace signalbox::auth {
namespace {

using testing::key_for;
using testing::key_set_of;

class QueueExecutor final : public Executor {
public:
    void post(Task task) override { tasks.push_back(std::move(task)); }
    std::deque<Task> tasks;
};

class QueuePool final : public BlockingPool {
public:
    [[nodiscard]] bool try_run(Task& task, const Share&) override {
        if (full) return false;
        tasks.push_back(std::move(task));
        return true;
    }
    std::deque<Task> tasks;
    bool full = false;
};

class FakeSource final : public KeySource {
public:
    void refresh(Executor& to, Done done) override {
        asked.push_back([&to, done = std::move(done)](KeysAnswer answer) mutable {
            to.post([done = std::move(done), answer]() mutable { done(answer); });
        });
    }
    std::vector<std::move_only_function<void(KeysAnswer)>> asked;
};

class TokenGateTest : public ::testing::Test {
protected:
    TokenGateTest() {
        publish("a");
        gate_.emplace(TokenGate::Ports{clock_, executor_, &pool_, &source_}, verifier_of());
    }

    [[nodiscard]] std::shared_ptr<const TokenVerifier> verifier_of(Milliseconds leeway = {}) const {
        TokenOptions options;
        options.secret = std::string(32, 's');
        options.algorithms = {"HS256", "ES256"};
        options.leeway = leeway;
        return std::move(*TokenVerifier::create(options, keys_));
    }
    void publish(std::string_view kid) {
        keys_->set(std::make_shared<KeySet>(
            *parse_key_set(key_set_of({{key_for(kEs256), fmt::format(R"("kid":"{}")", kid)}}))));
    }
    [[nodiscard]] std::string payload(int number) const {
        const auto now = std::chrono::floor<std::chrono::seconds>(clock_.wall_now());
        return fmt::format(R"({{"sub":"u{}","companyId":"c","exp":{}}})", number,
                           now.time_since_epoch().count() + 60);
    }
    [[nodiscard]] std::string token(std::string_view kid = "a", int number = 1) const {
        return testing::token_of(kEs256, key_for(kEs256),
                                 fmt::format(R"({{"alg":"ES256","kid":"{}"}})", kid),
                                 payload(number));
    }
    [[nodiscard]] std::string hs_token() const {
        const std::string text =
            base64url_encode(R"({"alg":"HS256"})") + '.' + base64url_encode(payload(1));
        const std::string secret(32, 's');
        return text + '.' + base64url_encode(sign_hmac(*find_algorithm("HS256"), secret, text));
    }

    void check(std::string text, Expiry expiry = Expiry::kChecked) {
        check_from("home", std::move(text), expiry);
    }
    void check_from(std::string source, std::string text, Expiry expiry = Expiry::kChecked) {
        gate_->check({std::move(text), std::move(source)}, expiry,
                     [this](TokenGate::Outcome outcome) {
                         told_.push_back(outcome ? outcome->user.str() : outcome.error().code);
                     });
    }
    /// Of the right form and key, by another signature.
    [[nodiscard]] std::string forged(int number) const {
        std::string bad = token("a", number);
        bad.erase(bad.rfind('.') + 1);
        return bad + base64url_encode(std::string(64, '\1'));
    }
    void run() {
        while (!executor_.tasks.empty() || !pool_.tasks.empty()) {
            auto& queue = pool_.tasks.empty() ? executor_.tasks : pool_.tasks;
            Task task = std::move(queue.front());
            queue.pop_front();
            task();
            verified_ += &queue == &pool_.tasks ? 1 : 0;
        }
    }
    /// The pool's first task, not what it posts.
    void verify_one() {
        pool_.tasks.front()();
        pool_.tasks.pop_front();
    }
    std::vector<std::string> told() { return std::exchange(told_, {}); }
    using Told = std::vector<std::string>;

    static inline const Algorithm& kEs256 = *find_algorithm("ES256");
    ManualClock clock_;
    QueueExecutor executor_;
    QueuePool pool_;
    FakeSource source_;
    std::shared_ptr<SharedKeySet> keys_ = std::make_shared<SharedKeySet>();
    std::optional<TokenGate> gate_;
    Told told_;
    int verified_ = 0;
};

TEST_F(TokenGateTest, VerifiesHsTokensAtOnceAndRefusesRubbishAtOnce) {
    check(hs_token());
    check("rubbish");
    check("");
    EXPECT_EQ(told(), (Told{"u1", "INVALID_TOKEN", "INVALID_TOKEN"}));
}

TEST_F(TokenGateTest, VerifiesOthersOnThePoolAndOnceOnly) {
    check(token());
    EXPECT_EQ(told(), Told{});
    run();
    EXPECT_EQ(told(), Told{"u1"});
    const std::string again = token();  // another signature: ECDSA's are random
    check(again);
    run();
    check(again);
    EXPECT_EQ(told(), (Told{"u1", "u1"}));
    EXPECT_EQ(verified_, 2);
}

TEST_F(TokenGateTest, RemembersNoTokenThatWasRefused) {
    std::string bad = token();
    bad[bad.size() - 20] = bad[bad.size() - 20] == 'A' ? 'B' : 'A';
    for (int i = 0; i < 2; ++i) {
        check(bad);
        run();
    }
    EXPECT_EQ(told(), (Told{"INVALID_TOKEN", "INVALID_TOKEN"}));
    EXPECT_EQ(verified_, 2);
}

TEST_F(TokenGateTest, AKnownTokenEndsAllTheSame) {
    const std::string good = token();
    check(good);
    run();
    clock_.advance(Milliseconds(59'999));
    check(good);
    clock_.advance(Milliseconds(1));
    check(good, Expiry::kIgnored);
    check(good);
    EXPECT_EQ(told(), (Told{"u1", "u1", "u1", "TOKEN_EXPIRED"}));
    check(good);
    run();
    EXPECT_EQ(told(), Told{"TOKEN_EXPIRED"});
    EXPECT_EQ(verified_, 2);
}

TEST_F(TokenGateTest, VerifiesKnownTokensAnewWhenKeysOrOptionsChange) {
    const std::string good = token();
    check(good);
    run();
    publish("b");
    check(good);
    run();
    ASSERT_EQ(source_.asked.size(), 1U);
    source_.asked[0](KeysAnswer::kFresh);
    run();
    EXPECT_EQ(told(), (Told{"u1", "INVALID_TOKEN"}));
    publish("a");
    check(good);
    run();
    gate_->set_verifier(verifier_of(Milliseconds(1)));
    check(good);
    EXPECT_EQ(told(), Told{"u1"});
    run();
    EXPECT_EQ(told(), Told{"u1"});
}

TEST_F(TokenGateTest, TakesNothingThatWasVerifiedWithKeysThatHaveGoneMeanwhile) {
    check(token());
    verify_one();
    publish("b");
    run();
    EXPECT_EQ(told(), Told{});
    EXPECT_EQ(source_.asked.size(), 1U);
}

TEST_F(TokenGateTest, RefusesNothingForAKeyThatCameWhileItWasVerified) {
    check(token("b"));
    verify_one();
    publish("b");
    run();
    EXPECT_EQ(told(), Told{"u1"});
    EXPECT_TRUE(source_.asked.empty());
}

TEST_F(TokenGateTest, VerifiesAnewWhatWasVerifiedWithOptionsThatHaveGoneMeanwhile) {
    check(token());
    verify_one();
    gate_->set_verifier(verifier_of(Milliseconds(1)));
    run();
    EXPECT_EQ(told(), Told{"u1"});
    EXPECT_EQ(verified_, 1);
}

TEST_F(TokenGateTest, ATokenWhoseKeyAChangedSetLacksAsksAgain) {
    check(token("b"));
    run();
    publish("c");
    source_.asked.at(0)(KeysAnswer::kChanged);
    run();
    EXPECT_EQ(told(), Told{});
    ASSERT_EQ(source_.asked.size(), 2U);
    publish("b");
    source_.asked.at(1)(KeysAnswer::kChanged);
    run();
    EXPECT_EQ(told(), Told{"u1"});
    EXPECT_EQ(gate_->waiting(), 0U);
}

TEST_F(TokenGateTest, ATokenOfAnUnknownKeyWaitsForOneRefresh) {
    check(token("b"));
    run();
    EXPECT_EQ(told(), Told{});
    EXPECT_EQ(gate_->waiting(), 1U);
    publish("b");
    source_.asked.at(0)(KeysAnswer::kFresh);
    run();
    EXPECT_EQ(told(), Told{"u1"});
    EXPECT_EQ(gate_->waiting(), 0U);
}

TEST_F(TokenGateTest, AfterThatRefreshItIsRefused) {
    check(token("b"));
    run();
    source_.asked.at(0)(KeysAnswer::kFresh);
    run();
    EXPECT_EQ(told(), Told{"INVALID_TOKEN"});
    EXPECT_EQ(source_.asked.size(), 1U);
}

TEST_F(TokenGateTest, ABadSignatureOfAKnownKeyAsksNobody) {
    std::string bad = token();
    bad.erase(bad.rfind('.') + 1);
    check(bad + base64url_encode(std::string(64, '\1')));
    run();
    EXPECT_EQ(told(), Told{"INVALID_TOKEN"});
    EXPECT_TRUE(source_.asked.empty());
}

TEST_F(TokenGateTest, SaysThatARetryMayHelpWhileTheSourceIsDown) {
    keys_->set(nullptr);
    check(token());
    run();
    source_.asked.at(0)(KeysAnswer::kUnavailable);
    run();
    EXPECT_EQ(told(), Told{"UPSTREAM_UNAVAILABLE"});
}

TEST_F(TokenGateTest, BoundsWhatThePoolAndTheSourceAreAskedFor) {
    pool_.full = true;
    check(token());
    EXPECT_EQ(told(), Told{"OVERLOADED"});
    pool_.full = false;
    const std::string unknown = token("b");
    for (std::size_t i = 0; i < TokenGate::kWaitingMax; ++i) {
        check(unknown);
        run();
    }
    EXPECT_EQ(told(), Told{});
    check(unknown);
    run();
    EXPECT_EQ(told(), Told{"OVERLOADED"});
    source_.asked.at(0)(KeysAnswer::kOverloaded);
    run();
    EXPECT_EQ(told(), Told{"OVERLOADED"});
    EXPECT_EQ(gate_->waiting(), TokenGate::kWaitingMax - 1);
}

TEST_F(TokenGateTest, LetsNobodyWaitForAnothersForgedTokens) {
    for (int i = 0; i < 2'000; ++i) check_from("attacker", forged(1));
    EXPECT_EQ(pool_.tasks.size(), TokenGate::kOnPoolMax);
    check_from("user", token());
    std::size_t before = 0;
    for (; told_.empty() || told_.back() != "u1"; ++before) {
        ASSERT_FALSE(pool_.tasks.empty());
        verify_one();
        executor_.tasks.front()();
        executor_.tasks.pop_front();
    }
    EXPECT_LE(before, TokenGate::kOnPoolMax + 2);
}

TEST_F(TokenGateTest, TurnsAwayWhoHasMostWaiting) {
    for (std::size_t i = 0; i < TokenGate::kQueuedMax + TokenGate::kOnPoolMax; ++i)
        check_from("attacker", forged(1));
    EXPECT_EQ(told(), Told{});
    check_from("attacker", forged(1));
    EXPECT_EQ(told(), Told{"OVERLOADED"});
    check_from("user", token());
    EXPECT_EQ(told(), Told{"OVERLOADED"}) << "one of the attacker's";
    run();
    EXPECT_EQ(std::ranges::count(told_, "u1"), 1);
}

TEST_F(TokenGateTest, AsksNobodyForTheKeyOfATokenThatAKeyWithoutIdVerified) {
    keys_->set(std::make_shared<KeySet>(*parse_key_set(key_set_of({{key_for(kEs256), ""}}))));
    check(token("any"));
    run();
    EXPECT_EQ(told(), Told{"u1"});
    const std::string nobodys =
        testing::token_of(kEs256, key_for(kEs256), R"({"alg":"ES256","kid":"any"})",
                          R"({"sub":"u","exp":99999999999})");
    check(nobodys);
    run();
    EXPECT_EQ(told(), Told{"INVALID_TOKEN"}) << "without a company, whatever key may come";
    EXPECT_TRUE(source_.asked.empty());
    check(forged(1));
    run();
    EXPECT_EQ(source_.asked.size(), 1U);
}

TEST(VerifiedTokens, DropsTheOneNotAskedForLongest) {
    VerifiedTokens tokens(2);
    const auto claims_of = [](const char* user) {
        TokenClaims claims;
        claims.user = UserId::trusted(user);
        return claims;
    };
    tokens.insert(digest_of("a"), claims_of("a"));
    tokens.insert(digest_of("b"), claims_of("b"));
    ASSERT_NE(tokens.find(digest_of("a")), nullptr);
    tokens.insert(digest_of("c"), claims_of("c"));
    EXPECT_EQ(tokens.size(), 2U);
    EXPECT_EQ(tokens.find(digest_of("b")), nullptr);
    EXPECT_EQ(tokens.find(digest_of("a"))->user.str(), "a");
    tokens.erase(digest_of("a"));
    tokens.erase(digest_of("a"));
    EXPECT_EQ(tokens.find(digest_of("a")), nullptr);
    tokens.insert(digest_of("c"), claims_of("d"));
    EXPECT_EQ(tokens.find(digest_of("c"))->user.str(), "d");
    EXPECT_EQ(tokens.size(), 1U);
}

TEST(DigestOf, IsSha256) {
    EXPECT_EQ(base64url_encode({reinterpret_cast<const char*>(digest_of("abc").data()), 32}),
              "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
}

}  // namespace
}  // namespace signalbox::auth
