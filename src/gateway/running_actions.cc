#include "gateway/running_actions.h"

namespace signalbox::gateway {
namespace {

constexpr Milliseconds kRetryWhenFull{1'000};
/// So many times what is left may a company have.
constexpr std::size_t kPartOfWhatIsLeft = 4;

Error full(ErrorCode code, std::string message) {
    Error error = Error::of(code, std::move(message));
    error.retry_after = kRetryWhenFull;
    return error;
}

bool is_reached(std::size_t limit, std::size_t count) {
    return limit != 0 && count >= limit;
}

}  // namespace

class RunningActions::CountedSink final : public actions::ExecutionSink {
public:
    CountedSink(RunningActions& running, const auth::Principal& who,
                std::unique_ptr<actions::ExecutionSink> sink)
        : running_(running), company_(who.company), user_(who.user), sink_(std::move(sink)) {
        Company& company = running_.companies_[company_];
        ++company.users[user_];
        ++company.all;
        ++running_.all_;
    }
    ~CountedSink() override {
        const auto company = running_.companies_.find(company_);
        const auto user = company->second.users.find(user_);
        if (--user->second == 0) company->second.users.erase(user);
        if (--company->second.all == 0) running_.companies_.erase(company);
        --running_.all_;
    }
    void on_status(actions::Status status, std::uint64_t seq, std::string_view progress) override {
        sink_->on_status(status, seq, progress);
    }
    void on_end(actions::ActionResult result) override { sink_->on_end(std::move(result)); }

private:
    RunningActions& running_;
    const CompanyId company_;
    const UserId user_;
    std::unique_ptr<actions::ExecutionSink> sink_;
};

std::optional<Error> RunningActions::refusal(const auth::Principal& who,
                                             const LimitOptions& limits) const {
    const auto company = companies_.find(who.company);
    const std::size_t of_company = company == companies_.end() ? 0 : company->second.all;
    std::size_t of_user = 0;
    if (of_company != 0) {
        const auto user = company->second.users.find(who.user);
        if (user != company->second.users.end()) of_user = user->second;
    }
    if (is_reached(limits.in_flight_per_user, of_user)) {
        return full(ErrorCode::kRateLimited,
                    std::to_string(of_user) + " actions of this user are running already");
    }
    if (!who.is_service() && is_reached(limits.in_flight_per_company, of_company)) {
        return full(ErrorCode::kRateLimited,
                    std::to_string(of_company) + " actions of this company are running already");
    }
    if (limits.in_flight_max == 0) return std::nullopt;
    if (all_ >= limits.in_flight_max)
        return full(ErrorCode::kOverloaded, "the server runs as many actions as it may");
    if (of_company >= kPartOfWhatIsLeft * (limits.in_flight_max - all_)) {
        return full(ErrorCode::kOverloaded,
                    "the server runs as many actions as it may now of one company");
    }
    return std::nullopt;
}

std::unique_ptr<actions::ExecutionSink> RunningActions::counted(
    const auth::Principal& who, std::unique_ptr<actions::ExecutionSink> sink) {
    return std::make_unique<CountedSink>(*this, who, std::move(sink));
}

}  // namespace signalbox::gateway
