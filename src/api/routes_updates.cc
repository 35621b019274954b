#include "api/routes.h"
#include "updates/update.h"

namespace signalbox::api {
void post_updates(CallPtr call) {
    const auto text = json_body(call->request, call->api.gateway.limits().message_bytes_max);
    if (!text) return call->fail(text.error());
    auto updates = updates::parse_updates(*text, own_company(call->principal));
    if (!updates) return call->fail(updates.error());
    gateway::Gateway& gateway = call->api.gateway;
    const auth::Principal principal = call->principal;
    gateway.publish(principal, std::move(*updates),
                    on_success<gateway::PublishReceipt>(
                        std::move(call), [](CallPtr c, const gateway::PublishReceipt& receipt) {
                            c->answer(json_answer(202, gateway::receipt_json(receipt)));
                        }));
}

}  // namespace signalbox::api
