#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "actions/execution_store.h"
#include "base/executor.h"
#include "base/ids.h"
#include "base/log.h"

namespace signalbox::app {

/// What `company.delete` did.
struct CompanyDeletion {
    CompanyId company;
    std::size_t sessions = 0;
    std::size_t connections = 0;
    std::size_t executions = 0;  ///< that idempotency keys stood for
};
/// {companyId, sessions, connections, executions}
[[nodiscard]] std::string deletion_json(const CompanyDeletion& deletion);
void audit_company_deletion(Log& log, const CompanyDeletion& deletion);

/// Deletes what the idempotency keys of a company stand for, in portions.
/// @param store  outlives the call of `done`, as does `reply_on`, where that comes.
/// @param done   hears how many; nullopt: the store does not answer, some may have gone.
void delete_executions(actions::ExecutionStore& store, Executor& reply_on, CompanyId company,
                       std::move_only_function<void(std::optional<std::size_t>)> done);

}  // namespace signalbox::app
