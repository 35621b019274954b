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

void Gateway::end_company(CompanyId company, std::move_only_function<void(std::size_t)> done) {
    const ShardIndex home_shard = home_of(company);
    auto shared = std::make_shared<decltype(done)>(std::move(done));
    tell(home_shard, [company = std::move(company), asker = s_.mesh.self(), shared](Gateway& home) {
        const auto members = home.homes_.revoke_company(company, home.s_.clock.wall_now());
        for (const ConnectionRef& member : members) {
            home.tell(member.shard, [id = member.id](Gateway& peer) {
                peer.close_by_id(id.str(), {.code = "SESSION_INVALID",
                                            .event = "system.sessionRevoked",
                                            .data = R"({"reason":"revoked"})"});
            });
        }
        home.tell(asker, [shared, count = members.size()](Gateway&) { (*shared)(count); });
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
                      close_expired(*still);
                  });
}

void Gateway::close_expired(Connection& connection) {
    close(connection, {.code = "SESSION_EXPIRED",
                       .event = "system.sessionRevoked",
                       .data = R"({"reason":"expired"})"});
}

}  // namespace signalbox::gateway
