#include "actions/upstream_template.h"

#include <algorithm>
#include <utility>

#include "base/json.h"

namespace signalbox::actions {
namespace {

bool is_name_character(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

bool is_unreserved(char c) {
    return is_name_character(c) || c == '.' || c == '~';
}

/// Where the path begins, behind scheme and host; npos when that is no URL of ours.
std::size_t path_begin(std::string_view url) {
    constexpr std::string_view kSchemes[] = {"http://", "https://"};
    for (const std::string_view scheme : kSchemes) {
        if (!url.starts_with(scheme)) continue;
        const std::size_t end = std::min(url.find_first_of("/?", scheme.size()), url.size());
        return end == scheme.size() ? url.npos : end;
    }
    return url.npos;
}

bool has_dot_segment(std::string_view url) {
    std::string_view path = url.substr(path_begin(url));
    path = path.substr(0, path.find('?'));
    while (!path.empty()) {
        path.remove_prefix(1);
        const std::string_view segment = path.substr(0, path.find('/'));
        if (segment == "." || segment == "..") return true;
        path.remove_prefix(segment.size());
    }
    return false;
}

SchemaFault fault(std::string_view name, std::string message) {
    return {'/' + std::string(name), std::move(message)};
}

/// The value of the only member of that name.
std::expected<std::string, SchemaFault> value_of(const std::vector<DataMember>& members,
                                                 std::string_view name) {
    const auto found = std::ranges::find(members, name, &DataMember::name);
    if (found == members.end()) return std::unexpected(fault(name, "is required"));
    if (std::ranges::count(members, name, &DataMember::name) > 1)
        return std::unexpected(fault(name, "must be there once"));
    auto text = url_text_of(found->json);
    if (!text || text->empty())
        return std::unexpected(fault(name, "must be a text, a number, true or false"));
    return std::move(*text);
}

bool may_stand_in_path(std::string_view value) {
    return std::ranges::none_of(
        value, [](unsigned char c) { return c == '/' || c == '\\' || c < 0x20 || c == 0x7f; });
}

}  // namespace

std::optional<std::vector<DataMember>> members_of(std::string_view data) {
    const std::size_t first = data.find_first_not_of(" \t\r\n");
    if (first == data.npos || data[first] != '{') return std::nullopt;
    std::vector<DataMember> members;
    for_each_raw_member(data, [&](std::string_view key, std::string_view value) {
        members.push_back({unescape_json(key), value});
        return true;
    });
    return members;
}

std::optional<std::string> url_text_of(std::string_view json) {
    if (json.starts_with('"')) return unescape_json(json.substr(1, json.size() - 2));
    if (json.starts_with('{') || json.starts_with('[') || json == "null") return std::nullopt;
    return std::string(json);
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (is_unreserved(c)) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        (out += '%') += kDigits[byte >> 4U];
        out += kDigits[byte & 15U];
    }
    return out;
}

std::expected<UrlTemplate, std::string> UrlTemplate::parse(std::string_view text) {
    const std::size_t path = path_begin(text);
    if (path == text.npos) return std::unexpected("must begin with http:// or https:// and a host");
    const std::string_view host = text.substr(0, path);
    if (host.find_first_of("{}@") != host.npos)
        return std::unexpected("must not have placeholders or user information before its path");
    const bool printable =
        std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
    if (!printable)
        return std::unexpected("must not have blanks, fragments or letters beyond ASCII");
    UrlTemplate result;
    std::string_view left = text;
    while (!left.empty()) {
        const std::size_t brace = left.find_first_of("{}");
        Piece piece{.literal = std::string(left.substr(0, brace)), .name = {}};
        result.has_query_ = result.has_query_ || piece.literal.contains('?');
        const Place place = result.has_query_ ? Place::kQuery : Place::kPath;
        result.pieces_.push_back(std::move(piece));
        if (brace == left.npos) break;
        const std::size_t end = left.find('}', brace);
        if (left[brace] == '}' || end == left.npos)
            return std::unexpected("has a brace without its other");
        const std::string_view name = left.substr(brace + 1, end - brace - 1);
        if (auto wrong = result.add_placeholder(name, place))
            return std::unexpected(std::move(*wrong));
        left.remove_prefix(end + 1);
    }
    return result;
}

std::optional<std::string> UrlTemplate::add_placeholder(std::string_view name, Place place) {
    const bool good =
        name == kStar || (!name.empty() && std::ranges::all_of(name, is_name_character));
    if (!good) return "has a placeholder that is not like {id} or {*}";
    pieces_.back().name = name;
    pieces_.back().place = place;
    return std::nullopt;
}

bool UrlTemplate::uses(std::string_view member) const {
    return std::ranges::find(pieces_, member, &Piece::name) != pieces_.end();
}

bool UrlTemplate::uses_data() const {
    return std::ranges::any_of(pieces_,
                               [](const Piece& p) { return !p.name.empty() && p.name != kStar; });
}

std::expected<std::string, std::vector<SchemaFault>> UrlTemplate::expand(
    const std::vector<DataMember>& members, std::string_view rest) const {
    std::string url;
    std::vector<SchemaFault> faults;
    for (const Piece& piece : pieces_) {
        url += piece.literal;
        if (piece.name.empty()) continue;
        const auto value = piece.name == kStar
                               ? std::expected<std::string, SchemaFault>(std::string(rest))
                               : value_of(members, piece.name);
        if (!value) {
            faults.push_back(value.error());
        } else if (piece.place == Place::kPath && !may_stand_in_path(*value)) {
            faults.push_back(
                fault(piece.name, "must have no slash, backslash or control character"));
        } else {
            url += percent_encode(*value);
        }
    }
    if (faults.empty() && has_dot_segment(url))
        faults.push_back({"", "must not lead to another path: a value is only dots"});
    if (!faults.empty()) return std::unexpected(std::move(faults));
    return url;
}

}  // namespace signalbox::actions
