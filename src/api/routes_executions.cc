#include <utility>

#include "api/routes.h"

namespace signalbox::api {
namespace {

/// The key of the path, once the call is paid for.
void with_key(CallPtr call, void (*use)(CallPtr, std::string)) {
    if (!is_valid_id(call->path_value)) {
        return call->fail(Error::of(ErrorCode::kInvalidMessage,
                                    "The path does not hold a valid idempotency key."));
    }
    gateway::Gateway& gateway = call->api.gateway;
    const auth::Principal who = call->principal;
    gateway.charge_call(who, [call = std::move(call), use](std::optional<Error> error) mutable {
        if (error) return call->fail(*error);
        std::string key = call->path_value;
        use(std::move(call), std::move(key));
    });
}

}  // namespace

void get_execution(CallPtr unpaid) {
    with_key(std::move(unpaid), [](CallPtr call, std::string key) {
        gateway::Gateway& gateway = call->api.gateway;
        const auth::Principal who = call->principal;
        gateway.describe_execution(
            who, std::move(key),
            on_success<std::string>(std::move(call), [](CallPtr c, std::string description) {
                c->answer(json_answer(200, std::move(description)));
            }));
    });
}

void delete_execution(CallPtr unpaid) {
    with_key(std::move(unpaid), [](CallPtr call, std::string key) {
        gateway::Gateway& gateway = call->api.gateway;
        const auth::Principal who = call->principal;
        gateway.forget_execution(who, std::move(key),
                                 [call = std::move(call)](std::expected<void, Error> forgotten) {
                                     if (!forgotten) return call->fail(forgotten.error());
                                     call->answer(empty_answer());
                                 });
    });
}

}  // namespace signalbox::api
