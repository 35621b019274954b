#include "actions/schema_uri.h"

#include <algorithm>

namespace signalbox::actions {
namespace {

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Length of "http:" in "http://…"; 0 without a scheme.
std::size_t scheme_size(std::string_view uri) {
    const std::size_t colon = uri.find_first_of(":/?#");
    if (colon == std::string_view::npos || uri[colon] != ':' || !is_letter(uri[0])) return 0;
    return colon + 1;
}

/// Length of "http://host" in "http://host/path".
std::size_t origin_size(std::string_view uri) {
    const std::size_t scheme = scheme_size(uri);
    if (!uri.substr(scheme).starts_with("//")) return scheme;
    return std::min(uri.find_first_of("/?#", scheme + 2), uri.size());
}

/// RFC 3986 section 5.2.4 for `/a/./b/../c`.
std::string without_dot_segments(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/', 1), path.size());
        const std::string_view segment = path.substr(0, end);
        path.remove_prefix(end);
        const bool up = segment == "/..";
        if (!up && segment != "/.") {
            out += segment;
            continue;
        }
        if (up) out.resize(std::min(out.rfind('/'), out.size()));
        if (path.empty()) out += '/';
    }
    return out;
}

std::string with_path(std::string_view origin, std::string_view path_and_rest) {
    const std::size_t end = std::min(path_and_rest.find_first_of("?#"), path_and_rest.size());
    std::string out(origin);
    out += without_dot_segments(path_and_rest.substr(0, end));
    out += path_and_rest.substr(end);
    return out;
}

}  // namespace

SplitUri split_fragment(std::string_view uri) {
    const std::size_t hash = uri.find('#');
    if (hash == std::string_view::npos) return {uri, {}};
    return {uri.substr(0, hash), uri.substr(hash + 1)};
}

std::string resolve_uri(std::string_view base, std::string_view reference) {
    base = split_fragment(base).document;
    if (scheme_size(reference) > 0) return std::string(reference);
    if (reference.empty() || reference[0] == '#') return std::string(base).append(reference);
    if (reference.starts_with("//")) {
        return std::string(base.substr(0, scheme_size(base))).append(reference);
    }
    const std::string_view origin = base.substr(0, origin_size(base));
    if (reference[0] == '/') return with_path(origin, reference);
    std::string_view folder = base.substr(origin.size());
    folder = folder.substr(0, std::min(folder.find('?'), folder.size()));
    folder = folder.substr(0, folder.rfind('/') + 1);
    if (folder.empty() && !origin.empty()) folder = "/";
    return with_path(origin, std::string(folder).append(reference));
}

std::string escape_pointer_token(std::string_view token) {
    std::string out;
    out.reserve(token.size());
    for (const char c : token) {
        if (c == '~') {
            out += "~0";
        } else if (c == '/') {
            out += "~1";
        } else {
            out += c;
        }
    }
    return out;
}

std::string unescape_pointer_token(std::string_view token) {
    std::string out;
    out.reserve(token.size());
    for (std::size_t i = 0; i < token.size(); ++i) {
        const bool escaped = token[i] == '~' && i + 1 < token.size();
        if (escaped && (token[i + 1] == '0' || token[i + 1] == '1')) {
            out += token[++i] == '0' ? '~' : '/';
        } else {
            out += token[i];
        }
    }
    return out;
}

}  // namespace signalbox::actions
