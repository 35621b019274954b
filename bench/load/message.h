#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "load/options.h"

/// The envelopes of the integration guide, in the form that a dialect puts into a message.
namespace signalbox::bench {

/// A message that is sent many times, each with another number as its requestId.
class MessageTemplate {
public:
    /// @param envelope  its requestId is kIdPlace
    MessageTemplate(Dialect dialect, std::string_view envelope, std::string_view prefix = {});
    static constexpr std::string_view kIdPlace = "r000000000000";

    /// @return the text with `id` in it, borrowed until the next call. `id` < 10^12.
    [[nodiscard]] std::string_view stamped(std::uint64_t id);

private:
    std::string text_;
    std::size_t id_end_ = 0;
};

/// Asks the action of the options for their data, or for `data_bytes` characters and little around
/// them.
[[nodiscard]] MessageTemplate action_request(const Options& options);
/// Asks for an update to `company`; to the floor, the update itself behind an `F`.
[[nodiscard]] MessageTemplate publish_request(Dialect dialect, std::string_view company);

/// What a server said.
struct Arrival {
    enum class Kind : std::uint8_t {
        kOther,    ///< without a number of ours
        kAnswer,   ///< RESPONSE, or the echoed REQUEST
        kUpdate,   ///< UPDATE
        kProblem,  ///< ERROR
    };
    Kind kind = Kind::kOther;
    std::uint64_t id = 0;
};
/// Reads type and number out of a message, escaped or not.
[[nodiscard]] Arrival read_arrival(std::string_view message);

}  // namespace signalbox::bench
