#include "actions/upstream.h"

#include <algorithm>
#include <coroutine>
#include <utility>

#include "actions/upstream_request.h"
#include "base/check.h"

namespace signalbox::actions {
namespace {

constexpr std::size_t kRefCharacters = 8;
constexpr Milliseconds kFirstPause{100};
constexpr Milliseconds kLongestPause{2'000};

/// One request and its answer; awaited once. Destroyed before, it gives the request up.
class Exchange {
public:
    Exchange(HttpClient& http, signalbox::Executor& shard, HttpClientRequest request,
             UpstreamAnswer& answer, const ActionContext& context)
        : http_(http),
          shard_(shard),
          request_(std::move(request)),
          answer_(answer),
          context_(context) {}
    ~Exchange() {
        if (sink_ != nullptr) sink_->exchange = nullptr;
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) {
        waiting_ = waiting;
        auto sink = std::make_unique<Sink>(*this);
        sink_ = sink.get();
        call_ = http_.stream(std::move(request_), shard_, std::move(sink));
    }
    void await_resume() noexcept {}

private:
    /// The client's; either may go first.
    struct Sink final : HttpResponseSink {
        explicit Sink(Exchange& owner) : exchange(&owner) {}
        ~Sink() override {
            if (exchange != nullptr) exchange->sink_ = nullptr;
        }
        Sink(const Sink&) = delete;
        Sink& operator=(const Sink&) = delete;
        void on_head(HttpResponse head) override {
            if (exchange != nullptr) exchange->answer_.head(head);
        }
        void on_part(std::string_view part) override {
            if (exchange != nullptr) exchange->take_part(part);
        }
        void on_end(std::expected<void, HttpClientFailure> end) override {
            if (exchange == nullptr) return;
            exchange->answer_.end(std::move(end));
            exchange->waiting_.resume();
        }
        Exchange* exchange;
    };

    void take_part(std::string_view part) {
        const bool decided = answer_.part(part);
        // Progress may have ended the execution; then the frame goes in a later turn.
        if (!decided && !context_.cancelled()) return;
        call_.cancel();
        if (sink_ != nullptr) std::exchange(sink_, nullptr)->exchange = nullptr;
        if (!context_.cancelled()) waiting_.resume();
    }

    HttpClient& http_;
    signalbox::Executor& shard_;
    HttpClientRequest request_;
    UpstreamAnswer& answer_;
    const ActionContext& context_;
    std::coroutine_handle<> waiting_;
    Sink* sink_ = nullptr;
    HttpCall call_;
};

/// Tells breaker and numbers of one try, also when the frame ends in it.
class Account {
public:
    Account(CircuitBreaker::Pass pass, const UpstreamPorts& ports, const ActionContext& context,
            const ExecutionRequest& request)
        : pass_(std::move(pass)), ports_(ports), context_(context), request_(request) {
        ++ports_.numbers.in_flight;
    }
    ~Account() {
        --ports_.numbers.in_flight;
        if (settled_) return;
        const bool late = ports_.wheel.now() >= context_.deadline();
        note(late ? UpstreamFate::kTimedOut : UpstreamFate::kGivenUp,
             late ? Health::kBad : Health::kUnknown);
    }
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;

    void settle(const UpstreamOutcome& outcome) {
        settled_ = true;
        note(outcome.fate, outcome.health);
    }

private:
    void note(UpstreamFate fate, Health health) {
        ++ports_.numbers.requests[static_cast<std::size_t>(fate)];
        if (health == Health::kGood && pass_.succeed()) log("upstream.resumed");
        // A caller in a hurry says nothing about the upstream.
        const bool hurried = fate == UpstreamFate::kTimedOut && request_.timeout &&
                             *request_.timeout < request_.action->definition.timeout;
        if (health == Health::kBad && !hurried && pass_.fail(ports_.wheel.now()))
            log("upstream.paused");
    }
    void log(std::string_view event) const {
        ports_.log.warn(event, {{"action", request_.action->definition.name}});
    }

    CircuitBreaker::Pass pass_;
    const UpstreamPorts& ports_;
    const ActionContext& context_;
    const ExecutionRequest& request_;
    bool settled_ = false;
};

Milliseconds left_of(const UpstreamPorts& ports, const ActionContext& context) {
    return std::chrono::ceil<Milliseconds>(context.deadline() - ports.wheel.now());
}

/// Full jitter, so that those who failed together do not come back together.
Milliseconds pause_before(unsigned retry, Random& random) {
    const Milliseconds most = std::min(kFirstPause * (1U << std::min(retry, 8U)), kLongestPause);
    return Milliseconds(1 + random.below(static_cast<std::uint64_t>(most.count())));
}

/// @return how long to wait before the same is tried again; nullopt: it is not.
std::optional<Milliseconds> next_try(const Upstream& upstream, const UpstreamOutcome& outcome,
                                     unsigned retry, Random& random) {
    const UpstreamSpec& spec = upstream.spec();
    const bool allowed = outcome.try_again == TryAgain::kAlways ||
                         (outcome.try_again == TryAgain::kIfSafe && spec.safe_to_retry);
    if (!allowed || retry >= spec.retries) return std::nullopt;
    const Milliseconds pause = pause_before(retry, random);
    const bool says_when = outcome.fate == UpstreamFate::kUnavailable &&
                           outcome.result.error().retry_after > kLongestPause;
    return says_when ? std::nullopt : std::optional(pause);
}

/// The result, its cause in the log under a ref.
ActionResult told(UpstreamOutcome outcome, const UpstreamPorts& ports,
                  const ExecutionRequest& request) {
    if (outcome.cause.empty() || outcome.result) return std::move(outcome.result);
    Error& error = outcome.result.error();
    error.ref = ports.random.id(kRefCharacters);
    ports.log.warn("upstream.failed", {{"action", request.action_name},
                                       {"code", error.code},
                                       {"ref", error.ref},
                                       {"reason", outcome.cause},
                                       {"connectionId", request.connection_id},
                                       {"userId", request.principal.user.str()},
                                       {"companyId", request.principal.company.str()}});
    return std::move(outcome.result);
}

UpstreamOutcome breaker_open(Milliseconds wait) {
    Error error = Error::of(ErrorCode::kUpstreamUnavailable,
                            "the service behind the action has failed again and again");
    error.retry_after = wait;
    return {.result = std::unexpected(std::move(error)),
            .fate = UpstreamFate::kNotSent,
            .health = Health::kUnknown};
}

Deciding deciding_of(const UpstreamSpec& spec) {
    return spec.permission == kUpstreamDecides ? Deciding::kUpstream : Deciding::kUs;
}

}  // namespace

Async<ActionResult> call_upstream(std::shared_ptr<Upstream> upstream, UpstreamPorts ports,
                                  ActionContext& context, const ExecutionRequest& request) {
    const UpstreamSpec& spec = upstream->spec();
    for (unsigned retry = 0;; ++retry) {
        auto pass = upstream->breaker().enter(ports.wheel.now());
        if (!pass) {
            ++ports.numbers.requests[static_cast<std::size_t>(UpstreamFate::kNotSent)];
            co_return breaker_open(pass.error()).result;
        }
        auto prepared =
            make_upstream_request({.spec = spec,
                                   .url = upstream->url(),
                                   .request = request,
                                   .signing_secret = upstream->signing_secret(),
                                   .left = std::max(left_of(ports, context), Milliseconds(1)),
                                   .now = ports.clock.wall_now()},
                                  ports.random);
        if (!prepared) co_return std::unexpected(std::move(prepared.error()));
        UpstreamAnswer answer({.bytes_max = spec.response_bytes_max,
                               .deciding = deciding_of(spec),
                               .on_progress = [&context](JsonText progress) {
                                   context.progress(std::move(progress));
                               }});
        UpstreamOutcome outcome;
        {
            Account account(std::move(*pass), ports, context, request);
            Exchange exchange(ports.http, ports.shard, std::move(*prepared), answer, context);
            co_await exchange;
            outcome = answer.take();
            account.settle(outcome);
        }
        const auto pause = answer.has_progressed()
                               ? std::nullopt
                               : next_try(*upstream, outcome, retry, ports.random);
        if (!pause || *pause >= left_of(ports, context))
            co_return told(std::move(outcome), ports, request);
        ++ports.numbers.retries;
        co_await context.sleep(*pause);
    }
}

Upstream::Upstream(UpstreamSpec spec, std::string signing_secret, UrlTemplate url)
    : spec_(std::move(spec)),
      signing_secret_(std::move(signing_secret)),
      url_(std::move(url)),
      breaker_({.failures_max = spec_.breaker_failures, .pause = spec_.breaker_pause}) {}

std::expected<std::shared_ptr<Upstream>, std::string> Upstream::create(UpstreamSpec spec,
                                                                       std::string signing_secret) {
    auto url = UrlTemplate::parse(spec.url);
    if (!url) return std::unexpected("url " + url.error());
    if (url->uses_data() && spec.mode == UpstreamMode::kEnvelope)
        return std::unexpected("url must have no placeholders of the data without mode \"rest\"");
    if (url->uses_star() && !spec.name.ends_with('*'))
        return std::unexpected("url must not have {*}: the name has no star");
    return std::shared_ptr<Upstream>(
        new Upstream(std::move(spec), std::move(signing_secret), std::move(*url)));
}

namespace {

/// The one that was made of the same.
std::shared_ptr<Upstream> known_upstream(const ActionRegistry* before, const UpstreamSpec& spec,
                                         const std::string& signing_secret) {
    if (before == nullptr) return nullptr;
    const auto known = before->all().find(spec.name);
    if (known == before->all().end()) return nullptr;
    const auto* handler = std::get_if<UpstreamHandler>(&known->second.definition.handler);
    const bool same = handler != nullptr && handler->upstream->spec() == spec &&
                      handler->upstream->signing_secret() == signing_secret;
    return same ? handler->upstream : nullptr;
}

ActionDefinition definition_of(std::shared_ptr<Upstream> upstream) {
    const UpstreamSpec& spec = upstream->spec();
    ActionDefinition action;
    action.name = spec.name;
    action.description = spec.description;
    if (spec.permission != kUpstreamDecides) action.permission = spec.permission;
    action.input_schema = spec.input_schema;
    action.output_schema = spec.output_schema;
    action.timeout = spec.timeout;
    action.concurrency_max = spec.max_concurrency;
    action.waiting_max = spec.max_waiting;
    action.cost = spec.cost;
    action.safe_to_retry = spec.safe_to_retry;
    action.progress = spec.progress;
    action.deprecated = spec.deprecated;
    action.handler = UpstreamHandler{std::move(upstream)};
    return action;
}

}  // namespace

std::vector<std::string> add_upstream_actions(ActionRegistry& registry,
                                              const UpstreamOptions& options,
                                              const ActionRegistry* before) {
    std::vector<std::string> faults;
    for (const UpstreamSpec& spec : options.upstreams) {
        auto upstream = known_upstream(before, spec, options.signing_secret);
        if (upstream == nullptr) {
            auto made = Upstream::create(spec, options.signing_secret);
            if (!made) {
                faults.push_back("action \"" + spec.name + "\": " + made.error());
                continue;
            }
            upstream = std::move(*made);
        }
        auto added = registry.add(definition_of(std::move(upstream)));
        if (!added) faults.push_back(std::move(added.error()));
    }
    if (before != nullptr) registry.share_gates(*before);
    return faults;
}

}  // namespace signalbox::actions
