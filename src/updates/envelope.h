#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error_code.h"
#include "base/ids.h"

/// Writers of the envelopes that clients get (design: "Messages"), straight into a string, the data
/// byte for byte.
namespace signalbox::updates {

enum class Kind : std::uint8_t { kPush, kStatus, kSystem };

struct UpdateHeader {
    std::string_view request_id;
    std::string_view action;
    Kind kind = Kind::kPush;
    WallTime time{};
    std::optional<ArtifactId> artifact = {};
    std::string_view position = {};  ///< empty: none
};

struct Response {
    std::string_view request_id;
    std::string_view action;
    std::string_view data;           ///< JSON; empty: none
    std::string_view position = {};  ///< empty: none
};

/// {type:"RESPONSE", requestId, action, data?, position?}
void append_response(std::string& out, const Response& response);
/// Whether a final envelope tells of an earlier run.
enum class Replay : std::uint8_t { kNo, kYes };
/// Adds "replayed":true to the RESPONSE or ERROR that `envelope` is, with kYes.
void mark_replay(std::string& envelope, Replay replay);
/// {type:"UPDATE", requestId, action, data?, kind, time, artifactId?, position?}
void append_update(std::string& out, const UpdateHeader& header, std::string_view data);
/// {type:"ERROR", requestId, action?, error:{code, message, retryable, details?, retryAfterMs?,
/// ref?}}; an empty `action` is absent.
void append_error(std::string& out, std::string_view request_id, std::string_view action,
                  const Error& error);

}  // namespace signalbox::updates
