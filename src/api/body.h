#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actions/schema.h"
#include "base/error_code.h"
#include "base/http.h"
#include "base/ids.h"
#include "base/json.h"

namespace signalbox::api {

/// The bytes of a request's body that must be JSON.
/// @return the body, borrowed from `request`; PAYLOAD_TOO_LARGE over `bytes_max`; INVALID_MESSAGE
///         when Content-Type names something else than JSON (absent is fine).
[[nodiscard]] std::expected<std::string_view, Error> json_body(const HttpRequest& request,
                                                               std::size_t bytes_max);

enum class Need : std::uint8_t { kRequired, kOptional };

/// The members of a body that is one JSON object. Readers return nullopt for a member that is
/// absent or of the wrong type and note the fault, so that one answer names them all; null counts
/// as absent; unknown members are tolerated.
///
/// Ownership: borrows the request and the parser, which must not parse anything else meanwhile.
class Body {
public:
    /// An empty body counts as `{}`.
    /// @return INVALID_MESSAGE for broken JSON, anything but an object, and a member given twice;
    ///         and what json_body() refuses.
    [[nodiscard]] static std::expected<Body, Error> read(JsonParser& parser,
                                                         const HttpRequest& request,
                                                         std::size_t bytes_max);

    /// A string, or an integer, which stands for its decimal text.
    template <class AnyId>
    [[nodiscard]] std::optional<AnyId> id(std::string_view member, Need need) {
        const auto text = id_text(member, need);
        return text ? std::optional(AnyId::trusted(*text)) : std::nullopt;
    }
    /// A string of 1 to 128 characters.
    [[nodiscard]] std::optional<std::string> request_id();
    [[nodiscard]] std::optional<bool> flag(std::string_view member);
    /// An integer from 1 to `max`.
    [[nodiscard]] std::optional<std::int64_t> positive(std::string_view member, std::int64_t max);
    /// Any value, as the sender's bytes (null too).
    [[nodiscard]] std::optional<JsonText> raw(std::string_view member) const;

    void add_fault(std::string_view member, std::string message);
    /// VALIDATION_FAILED with the details of all faults so far; nullopt without any.
    [[nodiscard]] std::optional<Error> fault() const;

private:
    Body(std::string_view text, simdjson::dom::object object) : text_(text), object_(object) {}
    [[nodiscard]] std::optional<JsonElement> find(std::string_view member) const;
    [[nodiscard]] std::optional<std::string> id_text(std::string_view member, Need need);

    std::string_view text_;
    simdjson::dom::object object_;
    std::vector<actions::SchemaFault> faults_;
};

}  // namespace signalbox::api
