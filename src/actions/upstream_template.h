#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actions/schema.h"

namespace signalbox::actions {

/// One member of the data.
struct DataMember {
    std::string name;       ///< decoded
    std::string_view json;  ///< its exact bytes; borrowed from the data
};

/// The members of `data` in order; nullopt when it is no object. Precondition: valid JSON.
[[nodiscard]] std::optional<std::vector<DataMember>> members_of(std::string_view data);

/// What `json` is in a URL: a string's content, a number or boolean as it is spelled. nullopt for
/// null, objects, arrays.
[[nodiscard]] std::optional<std::string> url_text_of(std::string_view json);

/// Encodes all but RFC 3986's unreserved characters.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// A URL with placeholders: `http://api/orders/{id}?expand={expand}`. `{name}` is the member of
/// that name of the data, `{*}` what the star of the action's name stands for. They stand behind
/// the host only, and cannot leave their place: values are percent-encoded, in the path they hold
/// no slash, and no segment becomes `.` or `..`.
/// Threading: const after parse().
class UrlTemplate {
public:
    /// @return a sentence without its beginning: "must begin with http:// or https://".
    [[nodiscard]] static std::expected<UrlTemplate, std::string> parse(std::string_view text);

    /// @param rest  what the star stands for.
    /// @return faults of the data when a value is missing or cannot stand there.
    [[nodiscard]] std::expected<std::string, std::vector<SchemaFault>> expand(
        const std::vector<DataMember>& members, std::string_view rest) const;
    [[nodiscard]] bool uses(std::string_view member) const;
    [[nodiscard]] bool uses_star() const { return uses(kStar); }
    /// Whether it names members of the data.
    [[nodiscard]] bool uses_data() const;
    [[nodiscard]] bool has_query() const { return has_query_; }

private:
    static constexpr std::string_view kStar = "*";
    enum class Place : std::uint8_t { kPath, kQuery };
    struct Piece {
        std::string literal;
        std::string name;  ///< the placeholder behind it; empty: none
        Place place = Place::kPath;
    };
    [[nodiscard]] std::optional<std::string> add_placeholder(std::string_view name, Place place);

    std::vector<Piece> pieces_;
    bool has_query_ = false;
};

}  // namespace signalbox::actions
