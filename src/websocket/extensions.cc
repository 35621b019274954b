#include "websocket/extensions.h"

#include <algorithm>

namespace signalbox::websocket {

bool is_token_character(char c) {
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) return true;
    return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

namespace {

/// Reads one field from its front. Every read_…() is nullopt on broken grammar.
class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    [[nodiscard]] bool at_end() {
        skip_space();
        return text_.empty();
    }

    [[nodiscard]] bool skip(char wanted) {
        skip_space();
        if (!text_.starts_with(wanted)) return false;
        text_.remove_prefix(1);
        return true;
    }

    [[nodiscard]] std::optional<std::string> read_token() {
        skip_space();
        const auto end = std::ranges::find_if_not(text_, is_token_character);
        const std::string token(text_.begin(), end);
        text_.remove_prefix(token.size());
        if (token.empty()) return std::nullopt;
        return token;
    }

    /// A quoted string must be a token too, once unquoted (section 9.1).
    [[nodiscard]] std::optional<std::string> read_value() {
        if (!skip('"')) return read_token();
        std::string value;
        while (!text_.empty() && text_.front() != '"') {
            if (text_.front() == '\\') text_.remove_prefix(1);
            if (text_.empty() || !is_token_character(text_.front())) return std::nullopt;
            value.push_back(text_.front());
            text_.remove_prefix(1);
        }
        if (value.empty() || !skip('"')) return std::nullopt;
        return value;
    }

    [[nodiscard]] std::optional<ExtensionParameter> read_parameter() {
        auto name = read_token();
        if (!name) return std::nullopt;
        ExtensionParameter parameter{.name = std::move(*name), .value = std::nullopt};
        if (!skip('=')) return parameter;
        parameter.value = read_value();
        if (!parameter.value) return std::nullopt;
        return parameter;
    }

    [[nodiscard]] std::optional<ExtensionOffer> read_offer() {
        auto name = read_token();
        if (!name) return std::nullopt;
        ExtensionOffer offer{.name = std::move(*name), .parameters = {}};
        while (skip(';')) {
            auto parameter = read_parameter();
            if (!parameter) return std::nullopt;
            offer.parameters.push_back(std::move(*parameter));
        }
        return offer;
    }

private:
    void skip_space() {
        while (text_.starts_with(' ') || text_.starts_with('\t')) text_.remove_prefix(1);
    }

    std::string_view text_;
};

bool read_offers(std::string_view field, std::vector<ExtensionOffer>& offers) {
    Reader reader(field);
    while (!reader.at_end()) {
        if (reader.skip(',')) continue;
        auto offer = reader.read_offer();
        if (!offer) return false;
        offers.push_back(std::move(*offer));
        if (!reader.at_end() && !reader.skip(',')) return false;
    }
    return true;
}

/// RFC 7692 section 7.1.2: 8 to 15 in decimal without leading zeros.
std::optional<std::uint8_t> window_bits_of(const std::string& text) {
    if (text == "8" || text == "9") return text[0] - '0';
    if (text.size() == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5') {
        return 10 + (text[1] - '0');
    }
    return std::nullopt;
}

bool accept_parameter(const ExtensionParameter& parameter, DeflateAgreement& agreement) {
    const auto& [name, value] = parameter;
    if (name == "server_no_context_takeover" || name == "client_no_context_takeover") {
        return !value;
    }
    if (name == "client_max_window_bits") return !value || window_bits_of(*value);
    if (name != "server_max_window_bits" || !value) return false;
    agreement.server_max_window_bits = window_bits_of(*value);
    return agreement.server_max_window_bits.value_or(8) > 8;
}

std::optional<DeflateAgreement> accept_offer(const ExtensionOffer& offer) {
    if (offer.name != "permessage-deflate") return std::nullopt;
    DeflateAgreement agreement;
    for (auto at = offer.parameters.begin(); at != offer.parameters.end(); ++at) {
        const bool twice = std::any_of(offer.parameters.begin(), at,
                                       [&](const auto& seen) { return seen.name == at->name; });
        if (twice || !accept_parameter(*at, agreement)) return std::nullopt;
    }
    return agreement;
}

}  // namespace

std::optional<std::vector<ExtensionOffer>> parse_extensions(
    std::span<const std::string_view> fields) {
    std::vector<ExtensionOffer> offers;
    for (const std::string_view field : fields) {
        if (!read_offers(field, offers)) return std::nullopt;
    }
    return offers;
}

std::optional<DeflateAgreement> negotiate_deflate(std::span<const ExtensionOffer> offers) {
    for (const ExtensionOffer& offer : offers) {
        if (auto agreement = accept_offer(offer)) return agreement;
    }
    return std::nullopt;
}

std::string deflate_answer(const DeflateAgreement& agreement) {
    std::string answer =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    if (agreement.server_max_window_bits) {
        answer += "; server_max_window_bits=" + std::to_string(*agreement.server_max_window_bits);
    }
    return answer;
}

}  // namespace signalbox::websocket
