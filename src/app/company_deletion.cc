#include "app/company_deletion.h"

#include <utility>

#include "base/json.h"

namespace signalbox::app {
namespace {

using Done = std::move_only_function<void(std::optional<std::size_t>)>;

/// One portion after another.
void delete_more(actions::ExecutionStore& store, Executor& reply_on, CompanyId company,
                 std::size_t before, Done done) {
    const std::string name = company.str();
    store.remove_company(name, reply_on,
                         [&store, &reply_on, company = std::move(company), before,
                          done = std::move(done)](auto removed) mutable {
                             if (!removed) return done(std::nullopt);
                             const std::size_t count = before + *removed;
                             if (*removed < actions::ExecutionStore::kRemovedAtOnce)
                                 return done(count);
                             delete_more(store, reply_on, std::move(company), count,
                                         std::move(done));
                         });
}

}  // namespace

std::string deletion_json(const CompanyDeletion& deletion) {
    std::string out;
    JsonWriter(out)
        .begin_object()
        .member("companyId", deletion.company.str())
        .member("sessions", deletion.sessions)
        .member("connections", deletion.connections)
        .member("executions", deletion.executions)
        .end_object();
    return out;
}

void audit_company_deletion(Log& log, const CompanyDeletion& deletion) {
    log.audit(AuditSubject::kManagement, "company.deleted",
              {{"actor", "control"},
               {"companyId", deletion.company.str()},
               {"sessions", deletion.sessions},
               {"connections", deletion.connections},
               {"executions", deletion.executions}});
}

void delete_executions(actions::ExecutionStore& store, Executor& reply_on, CompanyId company,
                       Done done) {
    delete_more(store, reply_on, std::move(company), 0, std::move(done));
}

}  // namespace signalbox::app
