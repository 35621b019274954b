#include "app/session_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace signalbox::app {
namespace {

std::string invalid(std::string_view message) {
    return control_error("INVALID_MESSAGE", message);
}

std::string unavailable() {
    return control_error("OVERLOADED", "the store does not answer; try again");
}

std::optional<std::string_view> text_member(const JsonElement& object, std::string_view name) {
    std::string_view text;
    if (object.at_key(name).get(text)) return std::nullopt;
    return text;
}

/// nullopt when the member is absent or no id.
template <class Kind>
std::optional<Kind> id_member(const JsonElement& object, std::string_view name) {
    const auto text = text_member(object, name);
    return text ? Kind::parse(*text) : std::nullopt;
}

/// `absent` when the member is; nullopt when it is no whole number from 1 to `max`.
std::optional<std::int64_t> number_member(const JsonElement& object, std::string_view name,
                                          std::int64_t absent, std::int64_t max) {
    JsonElement member;
    if (object.at_key(name).get(member)) return absent;
    std::int64_t value = 0;
    if (member.get(value) || value < 1 || value > max) return std::nullopt;
    return value;
}

void audit(Log* log, std::string_view event, const auth::SessionRecord& record) {
    if (log == nullptr) return;
    log->audit(AuditSubject::kManagement, event,
               {{"actor", "control"},
                {"sessionId", record.id.str()},
                {"userId", record.user.str()},
                {"companyId", record.company.str()}});
}

std::string revocation_json(const CompanyId& company, const std::string& user, std::size_t count) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().member("companyId", company.str());
    if (!user.empty()) json.member("userId", user);
    json.member("revoked", count).end_object();
    return out;
}

}  // namespace

std::string session_json(const auth::SessionRecord& record) {
    std::string out;
    JsonWriter json(out);
    json.begin_object()
        .member("sessionId", record.id.str())
        .member("userId", record.user.str())
        .member("companyId", record.company.str())
        .member("createdAt", format_time(record.created_at))
        .member("expiresAt", format_time(record.expires_at))
        .end_object();
    return out;
}

void SessionCommands::handle(std::string command, JsonText arguments, ControlAnswer done) {
    const auto root = parser_.parse(arguments.str());
    if (!root || !root->is_object()) return done(invalid("arguments must be an object"));
    if (command == "session.create") return create(*root, std::move(done));
    if (command == "session.list") return list(*root, std::move(done));
    if (command == "session.revoke") return revoke(*root, std::move(done));
    if (command == "company.delete") return delete_company(*root, std::move(done));
    done(control_error("NOT_FOUND", fmt::format("there is no command \"{}\"", command)));
}

void SessionCommands::create(const JsonElement& arguments, ControlAnswer done) {
    constexpr std::int64_t kTtlSecondsMax = std::chrono::seconds(auth::kSessionTtlMax).count();
    const auto user = id_member<UserId>(arguments, "userId");
    const auto company = id_member<CompanyId>(arguments, "companyId");
    if (!user || !company) return done(invalid("userId and companyId must be ids"));
    const auto default_ttl = std::chrono::ceil<std::chrono::seconds>(ports_.default_ttl).count();
    const auto ttl = number_member(arguments, "ttlSeconds", default_ttl, kTtlSecondsMax);
    if (!ttl)
        return done(
            invalid(fmt::format("ttlSeconds must be a whole number, 1 to {}", kTtlSecondsMax)));
    const WallTime now = ports_.clock.wall_now();
    const auth::SessionRecord record{.id = auth::new_session_id(ports_.random),
                                     .user = *user,
                                     .company = *company,
                                     .created_at = now,
                                     .expires_at = now + std::chrono::seconds(*ttl)};
    ports_.store.put(record, ports_.reply_on,
                     [record, done = std::move(done), &ports = ports_](auto outcome) mutable {
                         if (!outcome) return done(unavailable());
                         audit(ports.audit, "session.put", record);
                         done(control_ok(session_json(record)));
                     });
}

void SessionCommands::list(const JsonElement& arguments, ControlAnswer done) {
    const auto limit = number_member(arguments, "limit", kPageMax, kPageMax);
    if (!limit) return done(invalid("limit must be a whole number, 1 to 500"));
    auth::SessionFilter filter;
    filter.now = ports_.clock.wall_now();
    filter.limit = static_cast<std::size_t>(*limit);
    filter.after = id_member<SessionId>(arguments, "after").value_or(SessionId());
    ports_.store.list(filter, ports_.reply_on, [done = std::move(done)](auto sessions) mutable {
        if (!sessions) return done(unavailable());
        std::string out;
        JsonWriter json(out);
        json.begin_object().key("sessions").begin_array();
        for (const auth::SessionRecord& record : *sessions) json.raw(session_json(record));
        json.end_array().end_object();
        done(control_ok(out));
    });
}

void SessionCommands::revoke(const JsonElement& arguments, ControlAnswer done) {
    if (arguments.at_key("companyId").error() == simdjson::SUCCESS)
        return revoke_all(arguments, std::move(done));
    const auto id = id_member<SessionId>(arguments, "sessionId");
    if (!id) return done(invalid("sessionId must be an id"));
    ports_.store.remove(*id, ports_.reply_on,
                        [done = std::move(done), &ports = ports_](auto removed) mutable {
                            if (!removed) return done(unavailable());
                            if (!*removed) {
                                return done(control_error("NOT_FOUND", "there is no such session"));
                            }
                            audit(ports.audit, "session.deleted", **removed);
                            if (ports.on_revoked) ports.on_revoked(**removed);
                            done(control_ok(session_json(**removed)));
                        });
}

void SessionCommands::remove_all(Removal removal,
                                 std::move_only_function<void(std::optional<std::size_t>)> done) {
    auth::SessionFilter filter = removal.filter;
    ports_.store.remove_all(
        std::move(filter), ports_.reply_on,
        [this, removal = std::move(removal), done = std::move(done)](auto removed) mutable {
            if (!removed) return done(std::nullopt);
            if (removal.each) std::ranges::for_each(*removed, removal.each);
            removal.count += removed->size();
            if (removed->size() < auth::SessionStore::kRemovedAtOnce) return done(removal.count);
            remove_all(std::move(removal), std::move(done));
        });
}

void SessionCommands::revoke_all(const JsonElement& arguments, ControlAnswer done) {
    auth::SessionFilter filter;
    filter.now = ports_.clock.wall_now();
    filter.company = id_member<CompanyId>(arguments, "companyId");
    filter.user = id_member<UserId>(arguments, "userId");
    const bool names_user = arguments.at_key("userId").error() == simdjson::SUCCESS;
    if (!filter.company || (names_user && !filter.user))
        return done(invalid("companyId, and userId if given, must be ids"));
    const CompanyId company = *filter.company;
    const std::string user = filter.user ? filter.user->str() : std::string();
    remove_all({std::move(filter), ports_.on_revoked},
               [company, user, done = std::move(done), &ports = ports_](auto count) mutable {
                   if (!count) return done(unavailable());
                   if (ports.audit != nullptr) {
                       ports.audit->audit(AuditSubject::kManagement, "sessions.deleted",
                                          {{"actor", "control"},
                                           {"userId", user},
                                           {"companyId", company.str()},
                                           {"count", *count}});
                   }
                   done(control_ok(revocation_json(company, user, *count)));
               });
}

void SessionCommands::delete_company(const JsonElement& arguments, ControlAnswer done) {
    const auto company = id_member<CompanyId>(arguments, "companyId");
    if (!company) return done(invalid("companyId must be an id"));
    // Expired ones, too.
    auth::SessionFilter all;
    all.company = *company;
    remove_all({std::move(all), {}}, [this, company = *company, done = std::move(done)](
                                         std::optional<std::size_t> count) mutable {
        if (!count) return done(unavailable());
        auto then = [this, deletion = CompanyDeletion{company, *count},
                     done = std::move(done)](std::size_t connections) mutable {
            deletion.connections = connections;
            delete_executions_of(std::move(deletion), std::move(done));
        };
        ports_.end_company ? ports_.end_company(company, std::move(then)) : then(0);
    });
}

void SessionCommands::delete_executions_of(CompanyDeletion deletion, ControlAnswer done) {
    const CompanyId company = deletion.company;
    auto answer = [deletion = std::move(deletion), done = std::move(done),
                   audit = ports_.audit](std::optional<std::size_t> count) mutable {
        if (!count) return done(unavailable());
        deletion.executions = *count;
        if (audit != nullptr) audit_company_deletion(*audit, deletion);
        done(control_ok(deletion_json(deletion)));
    };
    if (ports_.executions == nullptr) return answer(0);
    delete_executions(*ports_.executions, ports_.reply_on, company, std::move(answer));
}

}  // namespace signalbox::app
