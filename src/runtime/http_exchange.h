#pragma once

#include <memory>

#include "runtime/abort_signal.h"
#include "runtime/http_connection.h"

namespace signalbox::runtime {

/// The exchange of a request that this shard has read. Linked with its connection until the answer
/// is complete or either ends.
class HttpConnection::Exchange final : public DrainableExchange {
public:
    explicit Exchange(HttpConnection& connection);
    ~Exchange() override;

    void respond(HttpResponse response) override;
    void start_stream(HttpResponse head) override;
    void write(std::string_view part) override;
    void finish() override;
    void on_abort(std::move_only_function<void()> callback) override;
    void on_drain(std::move_only_function<void()> callback) override;
    std::size_t pending_bytes() const override;

    /// The connection has ended or has the whole answer.
    void detach() { connection_ = nullptr; }
    void complete();
    void abort() { abort_.raise(); }
    void drained();
    [[nodiscard]] bool streaming() const { return state_ == State::kStreaming; }

private:
    enum class State : std::uint8_t { kPending, kStreaming, kDone };

    HttpConnection* connection_;
    AbortSignal abort_;
    std::move_only_function<void()> on_drain_;
    State state_ = State::kPending;
};

}  // namespace signalbox::runtime
