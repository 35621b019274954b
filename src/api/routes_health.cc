#include <algorithm>
#include <array>

#include "api/metrics.h"
#include "api/routes.h"

namespace signalbox::api {
namespace {

bool is_loopback(std::string_view address) {
    return address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
}

/// A request that some proxy forwards comes from anywhere, even when the proxy is on this machine.
bool is_forwarded(const HttpRequest& request) {
    constexpr std::array kNames{"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"};
    return std::ranges::any_of(
        kNames, [&](const char* name) { return request.headers.find(name).has_value(); });
}

void send_metrics(CallPtr call) {
    gateway::Gateway& gateway = call->api.gateway;
    gateway.collect_stats([call = std::move(call)](gateway::Stats stats) {
        Measurements measurements{.gateway = stats,
                                  .transport = std::nullopt,
                                  .process = read_process_numbers(),
                                  .version = call->api.options.version};
        if (call->api.transport_numbers) measurements.transport = call->api.transport_numbers();
        auto response = HttpResponse::of(200, "text/plain; version=0.0.4; charset=utf-8",
                                         render_metrics(measurements));
        response.headers.add("Cache-Control", "no-store");
        call->answer(std::move(response));
    });
}

void send_metrics_if_permitted(CallPtr call, const auth::Principal& principal) {
    if (call->api.gateway.policy().may_use(principal, "metrics"))
        return send_metrics(std::move(call));
    call->fail(Error::of(ErrorCode::kForbidden, "The permission metrics is needed."));
}

}  // namespace

void get_health(CallPtr call) {
    call->answer(json_answer(200, R"({"status":"ok"})"));
}

void get_readiness(CallPtr call) {
    const bool draining = call->api.gateway.draining();
    call->answer(draining ? json_answer(503, R"({"status":"draining"})")
                          : json_answer(200, R"({"status":"ready"})"));
}

void get_metrics(CallPtr call) {
    if (is_loopback(call->request.peer) && !is_forwarded(call->request)) {
        send_metrics(std::move(call));
        return;
    }
    gateway::Gateway& gateway = call->api.gateway;
    gateway::Credentials credentials = credentials_of(call->request);
    gateway.authenticate(std::move(credentials), gateway::SessionNeed::kOptional,
                         on_success<auth::Principal>(std::move(call), send_metrics_if_permitted));
}

}  // namespace signalbox::api
