#include "gateway/call_sink.h"

#include "gateway/socket_sink.h"
#include "updates/envelope.h"

namespace signalbox::gateway {

CallSink::CallSink(Gateway& gateway, std::string request_id, std::string action,
                   std::shared_ptr<CallListener> listener)
    : gateway_(gateway),
      request_id_(std::move(request_id)),
      action_(std::move(action)),
      listener_(std::move(listener)) {}

void CallSink::on_status(actions::Status status, std::uint64_t seq, std::string_view progress) {
    std::string envelope;
    updates::append_update(envelope,
                           {.request_id = request_id_,
                            .action = action_,
                            .kind = updates::Kind::kStatus,
                            .time = gateway_.s_.clock.wall_now()},
                           status_data(status, seq, progress));
    listener_->on_update(envelope);
}

void CallSink::on_end(actions::ActionResult result) {
    constexpr int kOk = 200;
    std::string envelope;
    if (result) {
        updates::append_response(envelope, request_id_, action_, result->str());
        listener_->on_final(kOk, envelope, std::nullopt);
    } else {
        const Error& error = result.error();
        gateway_.stats_.count_error(error.code);
        updates::append_error(envelope, request_id_, action_, error);
        listener_->on_final(http_status_of(error.code), envelope, error.retry_after);
    }
    --gateway_.calls_running_;
}

}  // namespace signalbox::gateway
