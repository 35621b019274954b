#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "auth/signature.h"
#include "auth/token_verifier.h"
#include "base/base64.h"
#include "base/check.h"
#include "base/json.h"

namespace signalbox::auth {
namespace {

/// The claims to write: paths of configured claims may share their beginnings.
struct ClaimTree {
    std::map<std::string, ClaimTree, std::less<>> members;
    std::string json;  // of a leaf

    ClaimTree& at(std::string_view path) {
        const std::size_t dot = path.find('.');
        ClaimTree& child = members[std::string(path.substr(0, dot))];
        return dot == path.npos ? child : child.at(path.substr(dot + 1));
    }
    void set_string(std::string_view path, std::string_view text) {
        std::string& leaf = at(path).json;
        leaf.clear();
        append_json_string(leaf, text);
    }
    void write(JsonWriter& out) const {
        if (members.empty()) {
            out.raw(json);
            return;
        }
        out.begin_object();
        for (const auto& [name, child] : members) child.write(out.key(name));
        out.end_object();
    }
};

std::string array_of(const std::vector<std::string>& texts) {
    std::string json;
    JsonWriter out(json);
    out.begin_array();
    for (const std::string& text : texts) out.string(text);
    out.end_array();
    return json;
}

std::string seconds_of(WallTime time) {
    return std::to_string(
        std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
}

std::string payload_of(const TokenRequest& request, const TokenOptions& options) {
    ClaimTree claims;
    claims.set_string("sub", request.user.str());
    claims.set_string(options.company_claim, request.company.str());
    claims.at(options.permissions_claim).json = array_of(request.permissions);
    if (!request.roles.empty()) claims.at(options.roles_claim).json = array_of(request.roles);
    if (request.artifacts && !options.artifacts_claim.empty())
        claims.at(options.artifacts_claim).json = array_of(*request.artifacts);
    if (!request.session.empty()) claims.set_string("sessionId", request.session.str());
    if (!options.issuer.empty()) claims.set_string("iss", options.issuer);
    if (!options.audience.empty()) claims.set_string("aud", options.audience);
    claims.at("iat").json = seconds_of(request.issued_at);
    claims.at("exp").json = seconds_of(request.expires_at);
    std::string json;
    JsonWriter out(json);
    claims.write(out);
    return json;
}

}  // namespace

std::string sign_token(const TokenRequest& request, const TokenOptions& options) {
    const auto allowed = std::ranges::find_if(
        options.algorithms, [](std::string_view name) { return name.starts_with("HS"); });
    const Algorithm* algorithm =
        find_algorithm(allowed == options.algorithms.end() ? "HS256" : *allowed);
    SB_CHECK(algorithm != nullptr);
    std::string token =
        base64url_encode(fmt::format(R"({{"alg":"{}","typ":"JWT"}})", algorithm->name));
    token += '.';
    token += base64url_encode(payload_of(request, options));
    const std::string signature = sign_hmac(*algorithm, options.secret, token);
    return token + '.' + base64url_encode(signature);
}

}  // namespace signalbox::auth
