#pragma once

#include <string>
#include <vector>

#include "base/ids.h"

namespace signalbox::updates {

/// Room names: typed tuples as text, each id percent-encoded, so that no two audiences share a
/// name.
///   company:{company}  user:{company}:{user}  session:{company}:{session}
///   artifact:{company}:{artifact}
/// A connection's is its id alone, the room that each Socket.IO socket has of itself: whoever
/// delivers to it looks at the company of who is in it.
[[nodiscard]] std::string company_room(const CompanyId& company);
[[nodiscard]] std::string user_room(const CompanyId& company, const UserId& user);
[[nodiscard]] std::string session_room(const CompanyId& company, const SessionId& session);
[[nodiscard]] std::string artifact_room(const CompanyId& company, const ArtifactId& artifact);
[[nodiscard]] std::string connection_room(const ConnectionId& connection);

/// Some connections of one company: those that any list names.
struct Selection {
    std::vector<UserId> users;
    std::vector<SessionId> sessions;
    std::vector<ConnectionId> connections;
    std::vector<ArtifactId> artifacts;

    [[nodiscard]] bool empty() const {
        return users.empty() && sessions.empty() && connections.empty() && artifacts.empty();
    }
    [[nodiscard]] std::vector<std::string> rooms(const CompanyId& company) const;
};

/// Who gets an update: those that `only` selects (empty: the whole company) without those that
/// `except` selects.
struct Audience {
    Selection only;
    Selection except;
};

}  // namespace signalbox::updates
