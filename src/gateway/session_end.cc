#include "gateway/connection.h"
#include "gateway/peers.h"

/// The end of a session, and its moving while connections of it are open.
namespace signalbox::gateway {

void Gateway::move_session_end(const auth::SessionRecord& record) {
    tell(home_of(record.company),
         [company = record.company, session = record.id, end = record.expires_at](Gateway& home) {
             for (const ConnectionRef& member : home.homes_.session_members(company, session)) {
                 home.tell(member.shard, [id = member.id, end](Gateway& peer) {
                     if (Connection* connection = peer.find_connection(id.str()))
                         connection->move_session_end(end);
                 });
             }
         });
}

void Gateway::look_at_session_end(Connection& connection) {
    const auth::Principal& who = connection.principal;
    check_session({who.user, who.company, who.session,
                   connection.introspection ? connection.introspection->token : std::string()},
                  [this, id = connection.socket.id()](std::expected<SessionFound, Error> checked) {
                      Connection* still = find_connection(id);
                      if (still == nullptr) return;
                      if (checked) return still->move_session_end(checked->end);
                      // A store that does not answer has nothing newer to say.
                      close(*still, {.code = "SESSION_EXPIRED",
                                     .event = "system.sessionRevoked",
                                     .data = R"({"reason":"expired"})"});
                  });
}

}  // namespace signalbox::gateway
