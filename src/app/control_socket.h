#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"

/// How the command line talks to the server that runs in a data directory.
///
/// Wire format, over the unix socket `control.sock` (mode 0600) in the data directory: one line
/// each way. The request is {"command": text, "arguments": object}, the answer {"ok": value} or
/// {"error": {"code": text, "message": text}}. A connection may carry several requests, each sent
/// after the answer to the one before.
namespace signalbox::app {

/// The path of the control socket of a data directory.
[[nodiscard]] std::string control_path(const std::string& data_dir);

/// An answer to one command: JSON text of the shapes above. Called once, from any thread, also
/// after the server has gone.
using ControlAnswer = std::move_only_function<void(std::string answer)>;

[[nodiscard]] std::string control_ok(std::string_view json);
[[nodiscard]] std::string control_error(std::string_view code, std::string_view message);
[[nodiscard]] std::string control_request(std::string_view command, const JsonText& arguments);

/// Runs commands.
/// Threading: called on the control socket's thread; must not block it for long.
class ControlHandler {
public:
    virtual ~ControlHandler() = default;
    /// @param arguments  an object. A `done` that is dropped uncalled lets the client wait until
    ///                   the answer's time-out.
    virtual void handle(std::string command, JsonText arguments, ControlAnswer done) = 0;
};

struct ControlOptions {
    std::size_t line_bytes_max = 1U << 20;  ///< of a request; longer: an error, then closed
    std::size_t clients_max = 16;           ///< more are closed at once
    Milliseconds idle_timeout{10'000};      ///< for a whole request, and for taking the answer
    Milliseconds answer_timeout{30'000};    ///< for the handler; then an error, then closed
};

/// The server's side: a thread of its own with poll().
///
/// Precondition: the caller holds the data directory's lock, so that a socket that is already there
///               is stale and may be replaced.
/// Ownership:    borrows `handler` until destroyed, which removes the socket's file.
/// Bounds:       see ControlOptions; an answer is kept until it is sent.
/// Errors:       clients' mistakes are answered; those of the environment end one client.
class ControlServer {
public:
    /// @return a sentence when the socket cannot be made.
    [[nodiscard]] static std::expected<std::unique_ptr<ControlServer>, std::string> create(
        const std::string& path, ControlHandler& handler, ControlOptions options = {});
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

private:
    class Loop;
    explicit ControlServer(std::unique_ptr<Loop> loop);
    std::unique_ptr<Loop> loop_;
};

}  // namespace signalbox::app
