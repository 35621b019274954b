#include "app/config_value.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/check.h"
#include "base/json.h"
#include "engineio/cookie.h"
#include "runtime/ip_network.h"

namespace signalbox::app {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
};
// From the longest to the shortest; "ms" stands before "m" is tried by parse_unit().
constexpr std::array<Unit, 5> kUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

std::size_t find_unit(std::string_view name) {
    const auto unit = std::ranges::find(kUnits, name, &Unit::name);
    return static_cast<std::size_t>(unit - kUnits.begin());
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) {
    return c >= 'a' && c <= 'z';
}

/// Removes and returns the longest prefix of characters that satisfy `wanted`.
std::string_view take_while(std::string_view& text, bool (*wanted)(char)) {
    const auto end = std::ranges::find_if_not(text, wanted);
    const auto length = static_cast<std::size_t>(end - text.begin());
    const std::string_view taken = text.substr(0, length);
    text.remove_prefix(length);
    return taken;
}

std::optional<std::int64_t> parse_number(std::string_view digits) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), value);
    if (error != std::errc() || end != digits.end() || digits.empty()) return std::nullopt;
    return value;
}

bool is_address(std::string_view text) {
    std::array<unsigned char, 16> bytes{};
    const std::string copy(text);
    return inet_pton(AF_INET, copy.c_str(), bytes.data()) == 1 ||
           inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1;
}

bool is_port(std::string_view text) {
    const auto port = std::ranges::all_of(text, is_digit) ? parse_number(text) : std::nullopt;
    return port && *port <= 65535;
}

bool is_path_text(std::string_view text) {
    return text.starts_with('/') && !text.contains("//") && std::ranges::all_of(text, [](char c) {
               return c > ' ' && c < 0x7f && c != '?' && c != '#' && c != '%';
           });
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

bool is_origin(std::string_view text) {
    if (text == "*") return true;
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos || scheme == 0) return false;
    std::string_view host = text.substr(scheme + 3);
    if (host.starts_with("*.")) host.remove_prefix(2);
    return !host.empty() && std::ranges::all_of(host, [](char c) {
        return c > ' ' && c < 0x7f && c != '/' && c != '*' && c != '?' && c != '#' && c != '@';
    });
}

bool is_endpoint(std::string_view text) {
    if (text.empty()) return true;
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || !is_port(text.substr(colon + 1))) return false;
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    return host == "localhost" || (is_address(host) && bracketed == host.contains(':'));
}

/// The host of what follows "://", up to its port or path; brackets of IPv6 are dropped.
std::string_view host_of(std::string_view authority) {
    authority = authority.substr(0, authority.find_first_of("/?#"));
    if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
    return authority.substr(0, authority.find(':'));
}

bool is_path(std::string_view text) {
    return is_path_text(text) && !text.ends_with('/');
}

bool is_claim_path(std::string_view text) {
    return !text.empty() && !text.starts_with('.') && !text.ends_with('.') && !text.contains("..");
}

}  // namespace

constinit const TextRule kAnyText{"a text in quotes", [](std::string_view) { return true; }};
constinit const TextRule kNotEmpty{"a text that is not empty",
                                   [](std::string_view text) { return !text.empty(); }};
constinit const TextRule kPermission{
    "a text like \"orders:read\" that is not empty and has no white space",
    [](std::string_view text) {
        return !text.empty() &&
               std::ranges::none_of(text, [](unsigned char c) { return c <= ' ' || c == 0x7f; });
    }};
constinit const TextRule kOrigin{
    "\"*\" or an origin like \"https://app.example.com\" or \"https://*.example.com\"", is_origin};
constinit const TextRule kNetwork{
    "an address or network like \"10.0.0.0/8\" or \"::1\"",
    [](std::string_view text) { return runtime::IpNetwork::parse(text).has_value(); }};
constinit const TextRule kEndpoint{"empty, or an address and port like \"127.0.0.1:9090\"",
                                   is_endpoint};
/// Whoever can change the answer on its way chooses who may come in: only TLS, or no way at all.
constinit const TextRule kProtectedUrl{
    "empty, or a URL like \"https://id.example.com/keys\" without user information (http only to "
    "this machine)",
    [](std::string_view text) { return text.empty() || is_protected_url(text); }};
constinit const TextRule kBasePath{
    "empty, or a path like \"/gateway\" without a slash at the end",
    [](std::string_view text) { return text.empty() || is_path(text); }};
constinit const TextRule kPathAlias{"a path like \"/socket.io\" without a slash at the end",
                                    is_path};
constinit const TextRule kHttpUrlOrNone{
    "empty, or a URL like \"https://api.example.com/sessions/introspect\"",
    [](std::string_view text) {
        const bool known = text.starts_with("https://") || text.starts_with("http://");
        return text.empty() || (known && text.find_first_of(" \t\r\n#@") == text.npos);
    }};
constinit const TextRule kClaimPathOrNone{
    "empty, or the name of a claim, or a dotted path like \"company.id\"",
    [](std::string_view text) { return text.empty() || is_claim_path(text); }};
constinit const TextRule kClaimPath{"the name of a claim, or a dotted path like \"company.id\"",
                                    is_claim_path};
constinit const TextRule kCookieName{"empty, or the name of a cookie like \"io\"",
                                     engineio::is_cookie_name};
constinit const TextRule kCookieAttribute{"a text without blanks and semicolons",
                                          engineio::is_cookie_attribute};

std::uint32_t EntryPlace::line_of(std::string_view member) const {
    const auto known = members.find(member);
    return known == members.end() ? line : known->second;
}

std::optional<Milliseconds> parse_duration(std::string_view text) {
    std::int64_t total = 0;
    std::size_t next_unit = 0;
    if (text.empty()) return std::nullopt;
    while (!text.empty()) {
        const auto number = parse_number(take_while(text, is_digit));
        const std::size_t unit = find_unit(take_while(text, is_letter));
        if (!number || unit == kUnits.size() || unit < next_unit) return std::nullopt;
        if (*number > (kDurationMax.count() - total) / kUnits[unit].milliseconds)
            return std::nullopt;
        total += *number * kUnits[unit].milliseconds;
        next_unit = unit + 1;
    }
    return Milliseconds(total);
}

std::string format_duration(Milliseconds duration) {
    SB_CHECK(duration.count() >= 0);
    std::int64_t rest = duration.count();
    std::string out;
    for (const Unit& unit : kUnits) {
        // Days read worse than hours below two of them: "24h", "36h".
        if (unit.name == "d" && rest < 2 * unit.milliseconds) continue;
        const std::int64_t count = rest / unit.milliseconds;
        rest %= unit.milliseconds;
        if (count > 0) out += fmt::format("{}{}", count, unit.name);
    }
    return out.empty() ? "0s" : out;
}

std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> parts = split_all(text);
    std::erase(parts, "");
    return parts;
}

std::vector<std::string> split_all(std::string_view text) {
    std::vector<std::string> parts;
    while (true) {
        const std::size_t comma = text.find(',');
        parts.emplace_back(trim(text.substr(0, comma)));
        if (comma == std::string_view::npos) return parts;
        text.remove_prefix(comma + 1);
    }
}

bool is_protected_url(std::string_view text) {
    constexpr std::string_view kTls = "https://", kPlain = "http://";
    const bool printable = std::ranges::all_of(
        text, [](char c) { return c > ' ' && c < 0x7f && c != '@' && c != '\\'; });
    if (!printable) return false;
    if (text.starts_with(kTls)) return !host_of(text.substr(kTls.size())).empty();
    return text.starts_with(kPlain) && is_loopback(host_of(text.substr(kPlain.size())));
}

bool is_loopback(std::string_view host) {
    return host == "localhost" || host == "::1" || (host.starts_with("127.") && is_address(host));
}

std::string quote(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
    return std::ranges::find(list, text) != list.end();
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

}  // namespace signalbox::app
