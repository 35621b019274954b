#include "gateway/call_sink.h"

#include "gateway/socket_sink.h"

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
    finish(result, updates::Replay::kNo);
}

void CallSink::on_replay(actions::ActionResult result) {
    finish(result, updates::Replay::kYes);
}

void CallSink::finish(const actions::ActionResult& result, updates::Replay replay) {
    constexpr int kOk = 200;
    int status = kOk;
    std::optional<Milliseconds> retry_after;
    std::string envelope;
    if (result) {
        updates::append_response(
            envelope, {.request_id = request_id_, .action = action_, .data = result->str()});
    } else {
        const Error& error = result.error();
        gateway_.stats_.count_error(error.code);
        updates::append_error(envelope, request_id_, action_, error);
        status = http_status_of(error.code);
        retry_after = error.retry_after;
    }
    updates::mark_replay(envelope, replay);
    listener_->on_final(status, envelope, retry_after);
    --gateway_.calls_running_;
}

}  // namespace signalbox::gateway
