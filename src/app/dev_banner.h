#pragma once

#include <string>
#include <string_view>

#include "app/config.h"
#include "auth/session_store.h"
#include "base/random.h"

namespace signalbox::app {

/// What `serve --dev` makes so that a person can begin at once: user "dev-user" of company
/// "dev-company", with every permission that a tester may want, for 12 hours.
struct DevLogin {
    auth::SessionRecord session;  ///< to be put into the store, when there is one
    std::string token;
    std::string expired_token;  ///< the same, of yesterday: for the test client's error scenarios
};

/// Precondition: config.tokens.secret is set, or only a public key is: then the token is empty.
[[nodiscard]] DevLogin make_dev_login(const Config& config, WallTime now, Random& random);

/// The lines that `serve --dev` prints: a link to the test client with the login in its fragment,
/// which no server and no proxy sees; the token; the session id.
/// @param page  the test client's, like "http://127.0.0.1:8080/test-client"; empty: no link.
[[nodiscard]] std::string dev_banner(std::string_view page, const DevLogin& login);

}  // namespace signalbox::app
