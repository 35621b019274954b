#include <algorithm>

#include "actions/registry.h"
#include "api/event_stream.h"
#include "api/routes.h"
#include "updates/request_parser.h"

namespace signalbox::api {
namespace {

HttpResponse outcome_answer(int status, std::string_view envelope,
                            std::optional<Milliseconds> retry_after) {
    HttpResponse response = json_answer(status, std::string(envelope));
    if (retry_after) add_retry_after(response.headers, *retry_after);
    return response;
}

/// One JSON answer, the final envelope. The execution goes on when the client goes away.
class OutcomeAnswer final : public gateway::CallListener {
public:
    explicit OutcomeAnswer(std::unique_ptr<HttpExchange> exchange)
        : exchange_(std::move(exchange)) {}

    void on_update(std::string_view) override {}
    void on_final(int http_status, std::string_view envelope,
                  std::optional<Milliseconds> retry_after) override {
        exchange_->respond(outcome_answer(http_status, envelope, retry_after));
    }

private:
    std::unique_ptr<HttpExchange> exchange_;
};

/// Server-sent events: `update` for each status, then `response` or `error`. A reader that is slow
/// misses statuses (their seq shows it), never the outcome.
class OutcomeStream final : public gateway::CallListener {
public:
    OutcomeStream(std::unique_ptr<HttpExchange> exchange, std::size_t stream_bytes_max)
        : exchange_(std::move(exchange)), stream_bytes_max_(stream_bytes_max) {
        exchange_->start_stream(event_stream_head());
    }

    void on_update(std::string_view envelope) override {
        if (exchange_->pending_bytes() + envelope.size() > stream_bytes_max_) return;
        exchange_->write(event_text("update", envelope));
    }
    void on_final(int http_status, std::string_view envelope,
                  std::optional<Milliseconds>) override {
        constexpr int kFirstFailure = 400;
        exchange_->write(event_text(http_status < kFirstFailure ? "response" : "error", envelope));
        exchange_->finish();
    }

private:
    std::unique_ptr<HttpExchange> exchange_;
    std::size_t stream_bytes_max_;
};

std::shared_ptr<gateway::CallListener> listener_for(Call& call) {
    if (wants_event_stream(call.request)) {
        return std::make_shared<OutcomeStream>(std::move(call.exchange),
                                               call.api.options.stream_bytes_max);
    }
    return std::make_shared<OutcomeAnswer>(std::move(call.exchange));
}

gateway::ActionCall action_call(const Call& call, Body& body) {
    gateway::ActionCall action{.principal = call.principal,
                               .action = call.path_value,
                               .request_id = body.request_id().value_or(""),
                               .data = body.raw("data").value_or(JsonText()),
                               .timeout = std::nullopt,
                               .wants_status = body.flag("progress").value_or(false)};
    if (const auto key = idempotency_key_of(call.request)) {
        action.idempotency_key = *key;
        if (!is_valid_id(*key)) {
            body.add_fault("Idempotency-Key",
                           "the header must be 1 to 128 printable characters without spaces");
        }
    }
    action.traceparent = call.request.headers.find("traceparent").value_or("");
    if (const auto timeout = body.positive("timeoutMs", updates::kTimeoutMax.count()))
        action.timeout = Milliseconds(*timeout);
    return action;
}

}  // namespace

void get_actions(CallPtr call) {
    std::string list = R"({"actions":[)";
    const std::size_t empty = list.size();
    for (const auto& [name, action] : call->api.gateway.actions().all()) {
        const std::string& needs = action.definition.permission;
        if (!call->api.gateway.policy().may_run(call->principal, needs)) continue;
        if (list.size() > empty) list += ',';
        actions::append_description(list, action);
    }
    call->answer(json_answer(200, list + "]}"));
}

void post_action(CallPtr call) {
    auto body = call->body();
    if (!body) return call->fail(body.error());
    gateway::ActionCall action = action_call(*call, *body);
    if (const auto fault = body->fault()) return call->fail(*fault, action.request_id);
    gateway::Gateway& gateway = call->api.gateway;
    gateway.call_action(std::move(action), listener_for(*call));
}

}  // namespace signalbox::api
