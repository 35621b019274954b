#include "engineio/origin_policy.h"

#include <algorithm>

namespace signalbox::engineio {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

/// Lower case, without a default port.
std::string normalized(std::string_view origin) {
    std::string out(origin);
    std::ranges::transform(out, out.begin(), lower);
    if (out.starts_with("http://") && out.ends_with(":80")) out.resize(out.size() - 3);
    if (out.starts_with("https://") && out.ends_with(":443")) out.resize(out.size() - 4);
    return out;
}

/// Safe to be repeated in a header field.
bool is_plain(std::string_view origin) {
    return std::ranges::all_of(origin, [](char c) { return c > ' ' && c < '\x7f'; });
}

bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

std::string own_origin(const HttpRequest& request) {
    const std::string_view scheme = request.secure ? "https://" : "http://";
    return normalized(std::string(scheme) + std::string(request.headers.find("Host").value_or("")));
}

}  // namespace

OriginPolicy::OriginPolicy(const std::vector<std::string>& allowed) {
    for (const std::string& entry : allowed) {
        const std::size_t star = entry.find("://*.");
        if (entry == "*") {
            anyone_ = true;
        } else if (star == std::string::npos) {
            exact_.push_back(normalized(entry));
        } else {
            const std::string pattern = normalized(entry);
            patterns_.push_back({pattern.substr(0, star + 3), pattern.substr(star + 4)});
        }
    }
}

bool OriginPolicy::Pattern::matches(std::string_view origin) const {
    if (origin.size() <= before.size() + after.size()) return false;
    if (!origin.starts_with(before) || !origin.ends_with(after)) return false;
    const std::string_view labels =
        origin.substr(before.size(), origin.size() - before.size() - after.size());
    return labels.front() != '.' && std::ranges::all_of(labels, is_host_character);
}

bool OriginPolicy::listed(std::string_view origin) const {
    return std::ranges::find(exact_, origin) != exact_.end() ||
           std::ranges::any_of(patterns_, [&](const Pattern& p) { return p.matches(origin); });
}

OriginVerdict OriginPolicy::judge(const HttpRequest& request) const {
    const auto header = request.headers.find("Origin");
    if (!header) return OriginVerdict::kNone;
    if (request.headers.count("Origin") > 1 || !is_plain(*header)) return OriginVerdict::kRefused;
    const std::string origin = normalized(*header);
    if (origin == own_origin(request)) return OriginVerdict::kSameOrigin;
    if (listed(origin)) return OriginVerdict::kListed;
    return anyone_ ? OriginVerdict::kAnyone : OriginVerdict::kRefused;
}

}  // namespace signalbox::engineio
