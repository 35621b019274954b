#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <future>

#include "app/cli_commands.h"
#include "app/config_files.h"
#include "app/control_client.h"
#include "app/control_socket.h"
#include "app/session_commands.h"
#include "storage/data_directory.h"
#include "storage/sqlite_execution_store.h"
#include "storage/sqlite_session_store.h"

namespace signalbox::app {
namespace {

constexpr const char* kDatabaseFile = "signalbox.db";

/// Why a command has no result.
struct Failure {
    ExitCode exit;
    std::string message;
    std::string code = {};  ///< the server's; empty: it is not the server that refuses
};
/// The raw JSON of the answer's `ok`.
using Result = std::expected<std::string, Failure>;

std::unexpected<Failure> failed(ExitCode code, std::string message) {
    return std::unexpected(Failure{code, std::move(message)});
}

Result unwrap(const std::string& answer) {
    JsonParser parser;
    const auto root = parser.parse(answer);
    std::string ok;
    if (root && root->is_object()) {
        for_each_raw_member(answer, [&](std::string_view key, std::string_view value) {
            if (key == "ok") ok = value;
            return true;
        });
    }
    if (!ok.empty()) return ok;
    std::string_view code = "INTERNAL";
    std::string_view message = "the server's answer makes no sense";
    if (root) {
        (void)root->at_pointer("/error/code").get(code);
        (void)root->at_pointer("/error/message").get(message);
    }
    return std::unexpected(Failure{kExitFailure, std::string(message), std::string(code)});
}

/// Runs what it is given at once: the store's thread only hands an answer over.
class InlineExecutor final : public Executor {
public:
    void post(Task task) override { task(); }
};

/// Opens the database itself, for the time of one command.
Result run_offline(const CommandRun& run, std::string_view command, const JsonText& arguments) {
    const auto directory = storage::DataDirectory::open(run.config.data_dir);
    if (!directory) {
        return failed(kExitUsage, directory.error() + " and nobody answers on its control socket");
    }
    InlineExecutor executor;
    const std::string path = directory->file(kDatabaseFile).string();
    const bool made = !std::filesystem::exists(path);
    const auto file = storage::DatabaseFile::open(path);
    if (!file) return failed(kExitUsage, file.error());
    if (made) run.note("made a database in " + absolute_path(run.config.data_dir));
    const auto executions = storage::SqliteExecutionStore::open(*file);
    if (!executions) return failed(kExitUsage, executions.error());
    storage::SqliteSessionStore store(*file);
    SessionCommands commands({.store = store,
                              .reply_on = executor,
                              .clock = run.context.clock,
                              .random = run.context.random,
                              .default_ttl = run.config.gateway.session_ttl,
                              .on_revoked = {},
                              .executions = executions->get()});
    std::promise<std::string> answer;
    commands.handle(std::string(command), arguments,
                    [&answer](std::string text) { answer.set_value(std::move(text)); });
    return unwrap(answer.get_future().get());
}

/// Whether the command can do without a server.
enum class Offline : std::uint8_t { kPossible, kImpossible };

Result run_control(const CommandRun& run, std::string_view command, const JsonText& arguments,
                   Offline offline) {
    const std::string& folder = run.config.data_dir;
    const auto answer = call_control(control_path(folder), command, arguments);
    if (answer) return unwrap(*answer);
    switch (answer.error()) {
        case ControlFailure::kNotRunning:
            if (offline == Offline::kPossible) return run_offline(run, command, arguments);
            return failed(kExitNotRunning, fmt::format("no server is running in {}", folder));
        case ControlFailure::kNoAnswer:
            return failed(
                kExitFailure,
                fmt::format("the server in {} does not answer on its control socket", folder));
        case ControlFailure::kNoAccess:
            break;
    }
    return failed(kExitFailure, fmt::format("no access to {}", control_path(folder)));
}

Result run_session_command(const CommandRun& run, std::string_view command,
                           const JsonText& arguments) {
    if (run.config.gateway.session_mode != gateway::SessionMode::kStore) {
        return failed(kExitUsage, "auth.sessions.mode is not \"store\": no sessions are kept here");
    }
    return run_control(run, command, arguments, Offline::kPossible);
}

int report(const CommandRun& run, const Failure& failure) {
    return failure.code.empty() ? run.fail(failure.exit, failure.message)
                                : run.refused(failure.code, failure.message);
}

/// A text member of an answer; empty when there is none.
std::string text_of(const JsonElement& object, std::string_view name) {
    std::string_view text;
    (void)object.at_key(name).get(text);
    return std::string(text);
}

std::string text_of(const std::string& object, std::string_view name) {
    JsonParser parser;
    const auto root = parser.parse(object);
    return root ? text_of(*root, name) : std::string();
}

struct SessionRow {
    std::string raw;
    std::array<std::string, 5> columns;
};

constexpr std::array<const char*, 5> kColumnKeys{"sessionId", "userId", "companyId", "createdAt",
                                                 "expiresAt"};

std::vector<SessionRow> parse_rows(const std::string& page) {
    std::vector<SessionRow> rows;
    const auto add = [&](std::string_view raw) {
        SessionRow row{std::string(raw), {}};
        for (std::size_t i = 0; i < kColumnKeys.size(); ++i) {
            row.columns[i] = text_of(row.raw, kColumnKeys[i]);
        }
        rows.push_back(std::move(row));
        return true;
    };
    for_each_raw_member(page, [&](std::string_view key, std::string_view value) {
        if (key == "sessions" && value.starts_with('[')) for_each_raw_element(value, add);
        return true;
    });
    return rows;
}

/// All sessions, page by page.
std::expected<std::vector<SessionRow>, Failure> fetch_sessions(const CommandRun& run) {
    std::vector<SessionRow> all;
    while (true) {
        std::string arguments;
        JsonWriter json(arguments);
        json.begin_object().member("limit", SessionCommands::kPageMax);
        if (!all.empty()) json.member("after", all.back().columns[0]);
        json.end_object();
        const Result page = run_session_command(run, "session.list", JsonText::trusted(arguments));
        if (!page) return std::unexpected(page.error());
        std::vector<SessionRow> rows = parse_rows(*page);
        const bool last = rows.size() < SessionCommands::kPageMax;
        std::ranges::move(rows, std::back_inserter(all));
        if (last) return all;
    }
}

void print_table(const std::vector<SessionRow>& rows, std::ostream& out) {
    std::vector<SessionRow> lines{{"", {"SESSION", "USER", "COMPANY", "CREATED", "EXPIRES"}}};
    std::ranges::copy(rows, std::back_inserter(lines));
    std::array<std::size_t, 5> widths{};
    for (const SessionRow& line : lines) {
        for (std::size_t i = 0; i < widths.size(); ++i) {
            widths[i] = std::max(widths[i], line.columns[i].size());
        }
    }
    for (const SessionRow& line : lines) {
        for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
            out << fmt::format("{:<{}}  ", line.columns[i], widths[i]);
        }
        out << line.columns.back() << '\n';
    }
}

std::expected<std::string, Failure> update_arguments(const CommandLine& line) {
    std::string bad_id =
        id_fault({{"--company", line.company}, {"--artifact", line.artifact, Need::kOptional}});
    if (!bad_id.empty()) return failed(kExitUsage, std::move(bad_id));
    std::string out;
    JsonWriter json(out);
    json.begin_object().member("companyId", line.company).member("action", line.action);
    if (!line.artifact.empty()) json.member("artifactId", line.artifact);
    if (!line.data.empty()) {
        const auto data = JsonText::parse(line.data);
        if (!data) {
            return failed(kExitUsage,
                          fmt::format("--data cannot be read: {}", to_string(data.error())));
        }
        json.raw_member("data", data->str());
    }
    json.end_object();
    return out;
}

/// "accepted 1 at position 7".
std::string receipt_text(const std::string& receipt) {
    std::string accepted = "0";
    std::string positions;
    for_each_raw_member(receipt, [&](std::string_view key, std::string_view value) {
        if (key == "accepted") accepted = value;
        if (key != "positions" || !value.starts_with('[')) return true;
        for_each_raw_element(value, [&](std::string_view position) {
            positions += (positions.empty() ? " at position " : ", ") + std::string(position);
            return true;
        });
        return true;
    });
    return "accepted " + accepted + positions;
}

/// "deleted 3 sessions, closed 5 connections, forgot 2 executions".
std::string deletion_text(const std::string& deletion) {
    std::string sessions, connections, executions;
    for_each_raw_member(deletion, [&](std::string_view key, std::string_view value) {
        if (key == "sessions") sessions = value;
        if (key == "connections") connections = value;
        if (key == "executions") executions = value;
        return true;
    });
    return fmt::format("deleted {} sessions, closed {} connections, forgot {} executions", sessions,
                       connections, executions);
}

/// "revoked 3 sessions".
std::string revocation_text(const std::string& revocation) {
    std::string count;
    for_each_raw_member(revocation, [&](std::string_view key, std::string_view value) {
        if (key == "revoked") count = value;
        return true;
    });
    return fmt::format("revoked {} sessions", count);
}

}  // namespace

int create_session(const CommandRun& run) {
    const std::string bad_id =
        id_fault({{"--user", run.line.user}, {"--company", run.line.company}});
    if (!bad_id.empty()) return run.fail(kExitUsage, bad_id);
    const auto ttl = parse_ttl(
        run.line, {.absent = run.config.gateway.session_ttl, .max = auth::kSessionTtlMax});
    if (!ttl) return run.fail(kExitUsage, ttl.error());
    std::string arguments;
    JsonWriter json(arguments);
    json.begin_object().member("userId", run.line.user).member("companyId", run.line.company);
    json.member("ttlSeconds", std::chrono::ceil<std::chrono::seconds>(*ttl).count()).end_object();
    const Result made = run_session_command(run, "session.create", JsonText::trusted(arguments));
    if (!made) return report(run, made.error());
    run.context.out << (run.json() ? *made : text_of(*made, "sessionId")) << '\n';
    return kExitOk;
}

int list_sessions(const CommandRun& run) {
    const auto sessions = fetch_sessions(run);
    if (!sessions) return report(run, sessions.error());
    if (!run.json()) {
        print_table(*sessions, run.context.out);
        return kExitOk;
    }
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("sessions").begin_array();
    for (const SessionRow& session : *sessions) json.raw(session.raw);
    json.end_array().end_object();
    run.context.out << out << '\n';
    return kExitOk;
}

namespace {

/// All of a company, or of one of its users.
int revoke_sessions(const CommandRun& run) {
    const CommandLine& line = run.line;
    const std::string bad_id =
        id_fault({{"--company", line.company}, {"--user", line.user, Need::kOptional}});
    if (!bad_id.empty()) return run.fail(kExitUsage, bad_id);
    std::string arguments;
    JsonWriter json(arguments);
    json.begin_object().member("companyId", line.company);
    if (!line.user.empty()) json.member("userId", line.user);
    json.end_object();
    const Result done = run_session_command(run, "session.revoke", JsonText::trusted(arguments));
    if (!done) return report(run, done.error());
    run.context.out << (run.json() ? *done : revocation_text(*done)) << '\n';
    return kExitOk;
}

}  // namespace

int revoke_session(const CommandRun& run) {
    if (!run.line.company.empty()) return revoke_sessions(run);
    const std::string bad_id = id_fault({{"the session's id", run.line.session}});
    if (!bad_id.empty()) return run.fail(kExitUsage, bad_id);
    std::string arguments;
    JsonWriter(arguments).begin_object().member("sessionId", run.line.session).end_object();
    const Result done = run_session_command(run, "session.revoke", JsonText::trusted(arguments));
    if (!done) return report(run, done.error());
    run.context.out << (run.json() ? *done : "revoked " + run.line.session) << '\n';
    return kExitOk;
}

int delete_company(const CommandRun& run) {
    const std::string bad_id = id_fault({{"the company's id", run.line.company}});
    if (!bad_id.empty()) return run.fail(kExitUsage, bad_id);
    std::string arguments;
    JsonWriter(arguments).begin_object().member("companyId", run.line.company).end_object();
    const Result done =
        run_control(run, "company.delete", JsonText::trusted(arguments), Offline::kPossible);
    if (!done) return report(run, done.error());
    run.context.out << (run.json() ? *done : deletion_text(*done)) << '\n';
    return kExitOk;
}

int send_update(const CommandRun& run) {
    auto arguments = update_arguments(run.line);
    if (!arguments) return report(run, arguments.error());
    const Result sent = run_control(run, "update.send", JsonText::trusted(std::move(*arguments)),
                                    Offline::kImpossible);
    if (!sent) return report(run, sent.error());
    run.context.out << (run.json() ? *sent : receipt_text(*sent)) << '\n';
    return kExitOk;
}

}  // namespace signalbox::app
