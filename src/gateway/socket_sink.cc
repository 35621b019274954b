#include "gateway/socket_sink.h"

#include "gateway/connection.h"
#include "gateway/gateway.h"

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

Connection* SocketSink::connection_here() const {
    if (courier_ && !courier_->idle()) return nullptr;
    return gateway_.find_connection(target_.address.socket_id);
}

void SocketSink::post(Letter letter) {
    if (!gateway_.s_.options.recovery.enabled || gateway_.sockets_ == nullptr) return;
    if (!courier_) courier_ = std::make_shared<Courier>(gateway_, target_.address);
    courier_->send(std::move(letter));
}

void SocketSink::on_status(actions::Status status, std::uint64_t seq, std::string_view progress) {
    std::string& envelope = gateway_.envelope_;
    envelope.clear();
    updates::append_update(envelope,
                           {.request_id = target_.request_id,
                            .action = target_.action,
                            .kind = updates::Kind::kStatus,
                            .time = gateway_.s_.clock.wall_now()},
                           status_data(status, seq, progress));
    if (Connection* connection = connection_here()) {
        gateway_.send_envelope(*connection, envelope, std::nullopt);
    } else {
        post({envelope, std::nullopt});
    }
}

void SocketSink::on_end(actions::ActionResult result) {
    finish(result, updates::Replay::kNo);
}

void SocketSink::on_replay(actions::ActionResult result) {
    finish(result, updates::Replay::kYes);
}

void SocketSink::finish(const actions::ActionResult& result, updates::Replay replay) {
    if (!result) gateway_.stats_.count_error(result.error().code);
    std::string& envelope = gateway_.envelope_;
    envelope.clear();
    if (result) {
        updates::append_response(
            envelope,
            {.request_id = target_.request_id, .action = target_.action, .data = result->str()});
    } else {
        updates::append_error(envelope, target_.request_id, target_.action, result.error());
    }
    updates::mark_replay(envelope, replay);
    Connection* connection = connection_here();
    if (connection == nullptr) {
        // An ack is nobody's but the connection's that asked for it.
        return post({target_.ack ? std::string() : envelope, target_.token});
    }
    if (!target_.ack || connection->incarnation == target_.incarnation) {
        gateway_.send_envelope(*connection, envelope, target_.ack);
    }
    gateway_.execution_ended(target_.address.socket_id, target_.token);
}

}  // namespace signalbox::gateway
