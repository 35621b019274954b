#include "api/routes.h"
#include "updates/update.h"

namespace signalbox::api {
namespace {

Error bad_key() {
    Error error = Error::of(ErrorCode::kValidationFailed, "The request is not valid.");
    error.details =
        R"([{"path":"/Idempotency-Key","message":"the header must be 1 to 128 printable characters without spaces"}])";
    return error;
}

}  // namespace

void post_updates(CallPtr call) {
    const auto text = json_body(call->request, call->api.gateway.limits().message_bytes_max);
    if (!text) return call->fail(text.error());
    auto updates = updates::parse_updates(*text, own_company(call->principal));
    if (!updates) return call->fail(updates.error());
    const auto header = idempotency_key_of(call->request);
    if (header && !is_valid_id(*header)) return call->fail(bad_key());
    gateway::Gateway& gateway = call->api.gateway;
    const auth::Principal principal = call->principal;
    std::string key(header ? *header : updates->front().idempotency_key);
    if (!key.empty()) {
        JsonText data = JsonText::trusted(std::string(*text));
        return gateway.publish_once(
            principal, *updates, std::move(data), std::move(key),
            on_success<JsonText>(std::move(call), [](CallPtr c, const JsonText& receipt) {
                c->answer(json_answer(202, receipt.str()));
            }));
    }
    gateway.publish(principal, std::move(*updates),
                    on_success<gateway::PublishReceipt>(
                        std::move(call), [](CallPtr c, const gateway::PublishReceipt& receipt) {
                            c->answer(json_answer(202, gateway::receipt_json(receipt)));
                        }));
}

}  // namespace signalbox::api
