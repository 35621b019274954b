#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actions/circuit_breaker.h"
#include "actions/executor.h"
#include "actions/upstream_answer.h"
#include "actions/upstream_spec.h"
#include "actions/upstream_template.h"

/// Actions behind HTTP: docs/decisions/0007-upstream-actions.md, docs/upstream.md.
namespace signalbox::actions {

/// One `[[actions.upstream]]`, ready to be called.
/// Threading: all shards share it; only the breaker changes.
class Upstream {
public:
    /// @return a sentence without its beginning.
    [[nodiscard]] static std::expected<std::shared_ptr<Upstream>, std::string> create(
        UpstreamSpec spec, std::string signing_secret);

    [[nodiscard]] const UpstreamSpec& spec() const { return spec_; }
    [[nodiscard]] const UrlTemplate& url() const { return url_; }
    [[nodiscard]] const std::string& signing_secret() const { return signing_secret_; }
    [[nodiscard]] CircuitBreaker& breaker() { return breaker_; }

private:
    Upstream(UpstreamSpec spec, std::string signing_secret, UrlTemplate url);

    const UpstreamSpec spec_;
    const std::string signing_secret_;
    const UrlTemplate url_;
    CircuitBreaker breaker_;
};

/// What calls of one shard work with.
struct UpstreamPorts {
    HttpClient& http;
    signalbox::Executor& shard;  ///< answers come here
    TimerWheel& wheel;
    const Clock& clock;
    Random& random;
    Log& log;
    UpstreamNumbers& numbers;
};

/// Sends the request, with more tries where one cannot do the work twice, until there is an answer,
/// the deadline, or the end of the frame, which gives up what is on its way. Progress goes to
/// `context`.
/// @param context, request  live until it ends.
/// @return the data, or an error of those that an upstream or this call may give, with a ref that
/// is in the log where the operator should look at it.
[[nodiscard]] Async<ActionResult> call_upstream(std::shared_ptr<Upstream> upstream,
                                                UpstreamPorts ports, ActionContext& context,
                                                const ExecutionRequest& request);

/// Adds an action for each entry. What `before` has already, unchanged, keeps its breaker.
/// @return sentences that name the faults; what is faulty is left out.
[[nodiscard]] std::vector<std::string> add_upstream_actions(ActionRegistry& registry,
                                                            const UpstreamOptions& options,
                                                            const ActionRegistry* before = nullptr);

}  // namespace signalbox::actions
