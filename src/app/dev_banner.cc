#include "app/dev_banner.h"

#include <fmt/format.h>

#include "app/session_commands.h"

namespace signalbox::app {
namespace {

constexpr std::chrono::hours kLoginLife{12};

const std::vector<std::string>& dev_permissions() {
    static const std::vector<std::string> permissions{"*",
                                                      "updates:send",
                                                      "updates:send:any",
                                                      "sessions:manage",
                                                      "sessions:manage:any",
                                                      "connections:manage",
                                                      "connections:manage:any",
                                                      "metrics",
                                                      "admin"};
    return permissions;
}

}  // namespace

DevLogin make_dev_login(const Config& config, WallTime now, Random& random) {
    DevLogin login;
    login.session = {.id = auth::new_session_id(random),
                     .user = UserId::trusted("dev-user"),
                     .company = CompanyId::trusted("dev-company"),
                     .created_at = now,
                     .expires_at = now + kLoginLife};
    if (config.tokens.secret.empty()) return login;
    auth::TokenRequest request{.user = login.session.user,
                               .company = login.session.company,
                               .permissions = dev_permissions(),
                               .session = {},
                               .issued_at = now,
                               .expires_at = login.session.expires_at};
    if (config.gateway.session_mode == gateway::SessionMode::kClaim) {
        request.session = login.session.id;
    }
    login.token = auth::sign_token(request, config.tokens);
    request.issued_at = now - 2 * kLoginLife;
    request.expires_at = now - kLoginLife;
    login.expired_token = auth::sign_token(request, config.tokens);
    return login;
}

std::string dev_banner(std::string_view page, const DevLogin& login) {
    const std::string& session = login.session.id.str();
    std::string link;
    if (!page.empty()) {
        link =
            fmt::format("  test client  {}#token={}&sessionId={}&artifactId=demo&expiredToken={}\n",
                        page, login.token, session, login.expired_token);
    }
    return fmt::format("\n{}  token        {}\n  session      {}\n\n", link, login.token, session);
}

}  // namespace signalbox::app
