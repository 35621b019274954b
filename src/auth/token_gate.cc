#include "auth/token_gate.h"

#include <openssl/evp.h>

#include <cstring>
#include <utility>

#include "auth/key_set.h"
#include "base/check.h"

namespace signalbox::auth {
namespace {

Error overloaded() {
    return Error::of(ErrorCode::kOverloaded, "too many tokens are being verified");
}

}  // namespace

TokenDigest digest_of(std::string_view token) {
    static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    TokenDigest digest;
    SB_CHECK(EVP_Digest(token.data(), token.size(), digest.data(), nullptr, sha256, nullptr) == 1);
    return digest;
}

std::size_t VerifiedTokens::Hash::operator()(const TokenDigest& digest) const {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
}

const TokenClaims* VerifiedTokens::find(const TokenDigest& digest) {
    const auto found = index_.find(digest);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &entries_.front().claims;
}

void VerifiedTokens::insert(const TokenDigest& digest, TokenClaims claims) {
    erase(digest);
    if (entries_.size() >= tokens_max_) {
        index_.erase(entries_.back().digest);
        entries_.pop_back();
    }
    entries_.push_front({digest, std::move(claims)});
    index_.emplace(digest, entries_.begin());
}

void VerifiedTokens::erase(const TokenDigest& digest) {
    const auto found = index_.find(digest);
    if (found == index_.end()) return;
    entries_.erase(found->second);
    index_.erase(found);
}

void VerifiedTokens::clear() {
    index_.clear();
    entries_.clear();
}

TokenGate::TokenGate(Ports ports, std::shared_ptr<const TokenVerifier> verifier)
    : ports_(ports), verifier_(std::move(verifier)) {}

void TokenGate::set_verifier(std::shared_ptr<const TokenVerifier> verifier) {
    verifier_ = std::move(verifier);
    verified_.clear();
    last_header_.clear();
}

void TokenGate::check(Presented presented, Expiry expiry, Done done) {
    run({.token = std::move(presented.token),
         .source = std::move(presented.source),
         .expiry = expiry,
         .done = std::move(done)});
}

VerifyCost TokenGate::cost_of(std::string_view token) {
    constexpr std::size_t kHeaderBytesKept = 1'024;
    // verify() refuses it for its size alone: it is not to be hashed, or to wait.
    if (token.size() > verifier_->token_bytes_max()) return VerifyCost::kSmall;
    const std::string_view header = token.substr(0, token.find('.'));
    if (header.empty() || header.size() > kHeaderBytesKept) return verifier_->cost_of(token);
    if (header == last_header_) return last_cost_;
    last_header_ = header;
    // By the header alone: the rest of this token says nothing about the next one's.
    last_cost_ = verifier_->cost_of(last_header_ + "..");
    return last_cost_;
}

void TokenGate::run(Job job) {
    job.verifier = verifier_;
    job.cost = cost_of(job.token);
    if (job.cost == VerifyCost::kSmall) {
        Judged judged = verifier_->judge(job.token, ports_.clock.wall_now(), job.expiry);
        return finish(std::move(job), std::move(judged));
    }
    forget_when_keys_changed();
    job.keys = keys_;
    job.digest = digest_of(job.token);
    if (const TokenClaims* claims = verified_.find(job.digest)) {
        Outcome outcome = known(job, *claims);
        return job.done(std::move(outcome));
    }
    wait_for_pool(std::move(job));
}

/// Of all that was right once, only the end comes by itself.
TokenGate::Outcome TokenGate::known(const Job& job, const TokenClaims& claims) {
    const bool over = claims.expires_at + verifier_->leeway() <= ports_.clock.wall_now();
    if (!over || job.expiry == Expiry::kIgnored) return claims;
    const WallTime end = claims.expires_at;
    verified_.erase(job.digest);
    return std::unexpected(token_expired(end));
}

void TokenGate::wait_for_pool(Job job) {
    if (ports_.pool == nullptr) {
        Judged judged = verifier_->judge(job.token, ports_.clock.wall_now(), job.expiry);
        return finish(std::move(job), std::move(judged));
    }
    const std::string source = job.source;
    if (auto dropped = queue_.push(source, std::move(job)))
        dropped->done(std::unexpected(overloaded()));
    feed_pool();
}

void TokenGate::feed_pool() {
    while (on_pool_ < kOnPoolMax) {
        auto next = queue_.pop();
        if (!next) return;
        run_on_pool(std::move(*next));
    }
}

void TokenGate::run_on_pool(Job job) {
    auto shared = std::make_shared<Job>(std::move(job));
    Task task = [this, shared, now = ports_.clock.wall_now()] {
        auto judged = shared->verifier->judge(shared->token, now, shared->expiry);
        ports_.own.post([this, shared, judged = std::move(judged)]() mutable {
            --on_pool_;
            feed_pool();
            finish(std::move(*shared), std::move(judged));
        });
    };
    if (!ports_.pool->try_run(task, {})) return shared->done(std::unexpected(overloaded()));
    ++on_pool_;
}

void TokenGate::finish(Job job, Judged judged) {
    Outcome outcome = std::move(judged.outcome);
    if (job.cost == VerifyCost::kLarge) {
        forget_when_keys_changed();
        // Keys that changed meanwhile may say otherwise.
        const bool current = job.verifier == verifier_ && job.keys == keys_;
        if (!current) return run(std::move(job));
        if (outcome) verified_.insert(job.digest, *outcome);
    }
    const bool retry = !outcome && judged.signer == Signer::kUnknown &&
                       job.attempt == Attempt::kFirst && ports_.source != nullptr &&
                       job.verifier->lacks_key_for(job.token);
    if (retry) return wait_for_key(std::move(job));
    job.done(std::move(outcome));
}

void TokenGate::wait_for_key(Job job) {
    if (waiting_ >= kWaitingMax) return job.done(std::unexpected(overloaded()));
    ++waiting_;
    auto shared = std::make_shared<Job>(std::move(job));
    ports_.source->refresh(ports_.own, [this, shared](KeysAnswer answer) {
        --waiting_;
        if (answer == KeysAnswer::kFresh) shared->attempt = Attempt::kLast;
        if (answer == KeysAnswer::kFresh || answer == KeysAnswer::kChanged)
            return run(std::move(*shared));
        if (answer == KeysAnswer::kOverloaded) return shared->done(std::unexpected(overloaded()));
        shared->done(std::unexpected(
            Error::of(ErrorCode::kUpstreamUnavailable,
                      "the token's key is not known, and the source of keys does not answer")));
    });
}

void TokenGate::forget_when_keys_changed() {
    auto keys = verifier_->fetched_keys();
    if (keys == keys_) return;
    keys_ = std::move(keys);
    verified_.clear();
}

}  // namespace signalbox::auth
