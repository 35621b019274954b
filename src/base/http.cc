#include "base/http.h"

#include <algorithm>

namespace signalbox {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char l = lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

void HttpHeaders::set(std::string_view name, std::string value) {
    std::erase_if(fields_, [&](const Field& f) { return equal_ignoring_case(f.first, name); });
    add(std::string(name), std::move(value));
}

std::optional<std::string_view> HttpHeaders::find(std::string_view name) const {
    for (const auto& [field, value] : fields_) {
        if (equal_ignoring_case(field, name)) return value;
    }
    return std::nullopt;
}

std::size_t HttpHeaders::count(std::string_view name) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        fields_, [&](const Field& f) { return equal_ignoring_case(f.first, name); }));
}

std::string percent_decode(std::string_view text, PlusSign plus) {
    const bool plain = std::ranges::none_of(text, [](char c) { return c == '%' || c == '+'; });
    if (plain) return std::string(text);
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus == PlusSign::kSpace) {
            out += ' ';
        } else if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
                   hex_value(text[i + 2]) >= 0) {
            out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

QueryParameters::QueryParameters(std::string_view query) {
    values_.reserve(static_cast<std::size_t>(std::ranges::count(query, '&')) + 1);
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
        if (pair.empty()) continue;
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const std::string_view value = pair.substr(std::min(pair.size(), equals + 1));
        values_.emplace_back(percent_decode(pair.substr(0, equals), PlusSign::kSpace),
                             percent_decode(value, PlusSign::kSpace));
    }
}

std::optional<std::string_view> QueryParameters::find(std::string_view key) const {
    for (const auto& [name, value] : values_) {
        if (name == key) return value;
    }
    return std::nullopt;
}

HttpResponse HttpResponse::of(int status, std::string_view content_type, std::string body) {
    HttpResponse response;
    response.status = status;
    response.headers.add("Content-Type", std::string(content_type));
    response.body = std::move(body);
    return response;
}

}  // namespace signalbox
