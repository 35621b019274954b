#include "gateway/socket_sink.h"

#include "gateway/connection.h"
#include "gateway/gateway.h"
#include "updates/envelope.h"

namespace signalbox::gateway {

std::string status_data(actions::Status status, std::uint64_t seq, std::string_view progress) {
    constexpr std::string_view kNames[] = {"accepted", "running", "progress"};
    std::string data;
    JsonWriter json(data);
    json.begin_object()
        .member("status", kNames[static_cast<std::size_t>(status)])
        .member("seq", seq);
    if (!progress.empty()) json.raw_member("progress", progress);
    json.end_object();
    return data;
}

void SocketSink::on_status(actions::Status status, std::uint64_t seq, std::string_view progress) {
    Connection* connection = gateway_.find_connection(target_.socket_id);
    if (connection == nullptr) return;
    std::string& envelope = gateway_.envelope_;
    envelope.clear();
    updates::append_update(envelope,
                           {.request_id = target_.request_id,
                            .action = target_.action,
                            .kind = updates::Kind::kStatus,
                            .time = gateway_.s_.clock.wall_now()},
                           status_data(status, seq, progress));
    gateway_.send_envelope(*connection, envelope, std::nullopt);
}

void SocketSink::on_end(actions::ActionResult result) {
    if (!result) gateway_.stats_.count_error(result.error().code);
    if (Connection* connection = gateway_.find_connection(target_.socket_id)) {
        std::string& envelope = gateway_.envelope_;
        envelope.clear();
        if (result) {
            updates::append_response(envelope, target_.request_id, target_.action, result->str());
        } else {
            updates::append_error(envelope, target_.request_id, target_.action, result.error());
        }
        gateway_.send_envelope(*connection, envelope, target_.ack);
    }
    gateway_.execution_ended(target_.socket_id, target_.token);
}

}  // namespace signalbox::gateway
