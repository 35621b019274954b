#pragma once

#include <functional>
#include <optional>

#include "app/company_deletion.h"
#include "app/control_socket.h"
#include "auth/session_store.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/log.h"
#include "base/random.h"

namespace signalbox::app {

/// The record's JSON object: {sessionId, userId, companyId, createdAt, expiresAt}.
[[nodiscard]] std::string session_json(const auth::SessionRecord& record);

/// The commands on sessions, over any store: the same for the control socket of a running server
/// and for the command line that opens the file itself.
///
///     session.create {userId, companyId, ttlSeconds?}    → session_json()
///     session.list   {limit?, after?}                    → {"sessions": [session_json()…]}
///     session.revoke {sessionId}                         → session_json(); NOT_FOUND
///     session.revoke {companyId, userId?}                → the same, and {revoked}: a number
///     company.delete {companyId}                         → deletion_json()
///
/// Others: NOT_FOUND. Arguments of a wrong shape: INVALID_MESSAGE.
///
/// Ownership: borrows all ports, which outlive every command's answer.
/// Threading: handle() from one thread; answers and on_revoked run on `reply_on`.
class SessionCommands final : public ControlHandler {
public:
    struct Ports {
        auth::SessionStore& store;
        Executor& reply_on;
        const Clock& clock;
        Random& random;
        Milliseconds default_ttl;
        /// Hears of each session that was removed, before the answer: close its connections. May be
        /// empty.
        std::function<void(const auth::SessionRecord&)> on_revoked;
        Log* audit = nullptr;  ///< of what is changed; nullptr: none
        /// Closes the connections of a company and says how many there were. May be empty.
        std::function<void(const CompanyId&, std::move_only_function<void(std::size_t)>)>
            end_company = {};
        /// What idempotency keys stand for; nullptr: nothing is kept.
        actions::ExecutionStore* executions = nullptr;
    };
    static constexpr std::size_t kPageMax = 500;

    explicit SessionCommands(Ports ports) : ports_(std::move(ports)) {}

    void handle(std::string command, JsonText arguments, ControlAnswer done) override;

private:
    void create(const JsonElement& arguments, ControlAnswer done);
    void list(const JsonElement& arguments, ControlAnswer done);
    void revoke(const JsonElement& arguments, ControlAnswer done);
    void revoke_all(const JsonElement& arguments, ControlAnswer done);
    void delete_company(const JsonElement& arguments, ControlAnswer done);
    void delete_executions_of(CompanyDeletion deletion, ControlAnswer done);

    struct Removal {
        auth::SessionFilter filter;
        /// Hears of each that was removed. May be empty.
        std::function<void(const auth::SessionRecord&)> each;
        std::size_t count = 0;
    };
    /// In portions. @param done  hears how many; nullopt: the store does not answer, some may have
    ///                          gone.
    void remove_all(Removal removal,
                    std::move_only_function<void(std::optional<std::size_t>)> done);

    Ports ports_;
    JsonParser parser_;
};

}  // namespace signalbox::app
