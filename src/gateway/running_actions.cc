#include "gateway/running_actions.h"

namespace signalbox::gateway {
namespace {

constexpr Milliseconds kRetryWhenFull{1'000};

std::string key_of(const auth::Principal& who) {
    return percent_encode_id(who.company.str()) + ':' + percent_encode_id(who.user.str());
}

Error full(ErrorCode code, std::string message) {
    Error error = Error::of(code, std::move(message));
    error.retry_after = kRetryWhenFull;
    return error;
}

}  // namespace

class RunningActions::CountedSink final : public actions::ExecutionSink {
public:
    CountedSink(RunningActions& running, std::string key,
                std::unique_ptr<actions::ExecutionSink> sink)
        : running_(running), key_(std::move(key)), sink_(std::move(sink)) {
        ++running_.by_user_[key_];
        ++running_.all_;
    }
    ~CountedSink() override {
        const auto user = running_.by_user_.find(key_);
        if (--user->second == 0) running_.by_user_.erase(user);
        --running_.all_;
    }
    void on_status(actions::Status status, std::uint64_t seq, std::string_view progress) override {
        sink_->on_status(status, seq, progress);
    }
    void on_end(actions::ActionResult result) override { sink_->on_end(std::move(result)); }

private:
    RunningActions& running_;
    std::string key_;
    std::unique_ptr<actions::ExecutionSink> sink_;
};

std::optional<Error> RunningActions::refusal(const auth::Principal& who,
                                             const LimitOptions& limits) const {
    const auto user = by_user_.find(key_of(who));
    const std::size_t of_user = user == by_user_.end() ? 0 : user->second;
    if (limits.in_flight_per_user != 0 && of_user >= limits.in_flight_per_user) {
        return full(ErrorCode::kRateLimited,
                    std::to_string(of_user) + " actions of this user are running already");
    }
    if (limits.in_flight_max != 0 && all_ >= limits.in_flight_max)
        return full(ErrorCode::kOverloaded, "the server runs as many actions as it may");
    return std::nullopt;
}

std::unique_ptr<actions::ExecutionSink> RunningActions::counted(
    const auth::Principal& who, std::unique_ptr<actions::ExecutionSink> sink) {
    return std::make_unique<CountedSink>(*this, key_of(who), std::move(sink));
}

}  // namespace signalbox::gateway
