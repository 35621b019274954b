#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "actions/upstream_spec.h"
#include "auth/service_keys.h"
#include "base/clock.h"

/// How single values of the configuration are written: durations, and checks of text.
namespace signalbox::app {

using RoleTable = std::map<std::string, std::vector<std::string>>;

/// A value as a file, the environment or a flag gives it, before its key has judged it. monostate:
/// of a shape that no key has.
using RawValue =
    std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<std::string>,
                 RoleTable, std::vector<auth::ServiceKey>, std::vector<actions::UpstreamSpec>>;

/// Where one table of an array of tables stands, for what shows only later.
struct EntryPlace {
    std::uint32_t line = 0;                                     ///< of its head; 0: not of a file
    std::map<std::string, std::uint32_t, std::less<>> members;  ///< the line of each
    std::set<std::string, std::less<>> faulty;                  ///< members that were complained of

    /// The member's line, else the table's.
    [[nodiscard]] std::uint32_t line_of(std::string_view member) const;
};

/// The longest that parse_duration() reads: 100 years.
inline constexpr Milliseconds kDurationMax{100LL * 366 * 86'400'000};

/// "25s", "500ms", "1h", "1m30s": whole numbers with units d, h, m, s, ms, each at most once and
/// from the longest to the shortest. @return nullopt for anything else, also over kDurationMax.
[[nodiscard]] std::optional<Milliseconds> parse_duration(std::string_view text);

/// The shortest text that parse_duration() reads back: "1m30s". Precondition: not negative.
[[nodiscard]] std::string format_duration(Milliseconds duration);

/// "a, b ,c" → {a, b, c}; empty parts are dropped.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);

/// The same, and the empty parts too.
[[nodiscard]] std::vector<std::string> split_all(std::string_view text);

/// What a text must be.
struct TextRule {
    std::string_view expects;  ///< continues "must be": "an address like …"
    bool (*accepts)(std::string_view);
};

extern const TextRule kAnyText;
extern const TextRule kNotEmpty;
extern const TextRule kPermission;       ///< "orders:*"
extern const TextRule kOrigin;           ///< "*", "https://app.example:8443", "https://*.example"
extern const TextRule kNetwork;          ///< "10.0.0.0/8", "::1"
extern const TextRule kEndpoint;         ///< "", "127.0.0.1:9090", "[::1]:0"
extern const TextRule kProtectedUrl;     ///< "", "https://id.example.com/keys"
extern const TextRule kBasePath;         ///< "" or "/a/b", no slash at the end
extern const TextRule kPathAlias;        ///< "/socket.io"
extern const TextRule kClaimPath;        ///< "company.id"
extern const TextRule kHttpUrlOrNone;    ///< "" or "https://api.example.com/x"
extern const TextRule kClaimPathOrNone;  ///< "" or "company.id"
extern const TextRule kCookieName;       ///< "" or "io"
extern const TextRule kCookieAttribute;  ///< "" or "/realtime"

/// True for a URL of https, or of http to this machine.
[[nodiscard]] bool is_protected_url(std::string_view text);

/// True for "localhost", 127.0.0.0/8 and ::1.
[[nodiscard]] bool is_loopback(std::string_view host);

/// `text` as a TOML basic string with its quotes; the same as in JSON.
[[nodiscard]] std::string quote(std::string_view text);

[[nodiscard]] bool contains(const std::vector<std::string>& list, std::string_view text);

/// Insertions, deletions and replacements that turn one into the other.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace signalbox::app
