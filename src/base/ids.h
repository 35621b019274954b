#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace signalbox {

/// True for 1 to 128 printable characters (code points of valid UTF-8) without white space or
/// control characters: what every id of ours must be (design: "Words").
[[nodiscard]] bool is_valid_id(std::string_view text);

/// Percent-encodes every byte except `[A-Za-z0-9._~@|-]`, so that ids joined by ':' into a room,
/// channel or permission string can never be confused.
[[nodiscard]] std::string percent_encode_id(std::string_view id);

/// A validated id of one kind; kinds do not convert into each other. Default-constructed: empty,
/// which is no id at all.
template <class Kind>
class Id {
public:
    Id() = default;

    /// @return nullopt unless is_valid_id(text).
    [[nodiscard]] static std::optional<Id> parse(std::string_view text) {
        if (!is_valid_id(text)) return std::nullopt;
        return Id(std::string(text));
    }

    /// Takes text that the program itself made or has validated before.
    [[nodiscard]] static Id trusted(std::string text) { return Id(std::move(text)); }

    [[nodiscard]] const std::string& str() const { return text_; }
    [[nodiscard]] bool empty() const { return text_.empty(); }

    friend bool operator==(const Id&, const Id&) = default;
    friend auto operator<=>(const Id&, const Id&) = default;

private:
    explicit Id(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

using CompanyId = Id<struct CompanyKind>;
using UserId = Id<struct UserKind>;
using SessionId = Id<struct SessionKind>;
using ArtifactId = Id<struct ArtifactKind>;
/// The Socket.IO sid; public.
using ConnectionId = Id<struct ConnectionKind>;

}  // namespace signalbox

template <class Kind>
struct std::hash<signalbox::Id<Kind>> {
    std::size_t operator()(const signalbox::Id<Kind>& id) const noexcept {
        return std::hash<std::string>{}(id.str());
    }
};
