#include "updates/audience.h"

#include <string_view>

namespace signalbox::updates {
namespace {

std::string room(std::string_view kind, const CompanyId& company, const std::string& id) {
    std::string name(kind);
    name += ':';
    name += percent_encode_id(company.str());
    name += ':';
    name += percent_encode_id(id);
    return name;
}

}  // namespace

std::string company_room(const CompanyId& company) {
    return "company:" + percent_encode_id(company.str());
}

std::string user_room(const CompanyId& company, const UserId& user) {
    return room("user", company, user.str());
}

std::string session_room(const CompanyId& company, const SessionId& session) {
    return room("session", company, session.str());
}

std::string artifact_room(const CompanyId& company, const ArtifactId& artifact) {
    return room("artifact", company, artifact.str());
}

std::string connection_room(const ConnectionId& connection) {
    return percent_encode_id(connection.str());
}

std::vector<std::string> Selection::rooms(const CompanyId& company) const {
    std::vector<std::string> names;
    for (const auto& user : users) names.push_back(user_room(company, user));
    for (const auto& session : sessions) names.push_back(session_room(company, session));
    for (const auto& connection : connections) names.push_back(connection_room(connection));
    for (const auto& artifact : artifacts) names.push_back(artifact_room(company, artifact));
    return names;
}

}  // namespace signalbox::updates
