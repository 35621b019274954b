#include "app/cli.h"

#include <fmt/format.h>

#include "app/cli_commands.h"
#include "app/config_docs.h"
#include "app/config_value.h"
#include "app/dev_secret.h"
#include "base/json.h"

namespace signalbox::app {
namespace {

void print_problems(const std::vector<ConfigProblem>& problems, std::ostream& err) {
    for (const ConfigProblem& problem : problems) err << problem.text() << '\n';
}

void print_warnings(const std::vector<std::string>& warnings, std::ostream& err) {
    for (const std::string& warning : warnings) err << "warning: " << warning << '\n';
}

void print_fault_json(std::string_view code, std::string_view message, std::ostream& out) {
    std::string text;
    JsonWriter json(text);
    json.begin_object().key("error").begin_object();
    json.member("code", code).member("message", message).end_object().end_object();
    out << text << '\n';
}

/// As the command prints its other failures.
void print_bad_configuration(const std::vector<ConfigProblem>& problems, OutputForm form,
                             CliContext& context) {
    if (form != OutputForm::kJson) return print_problems(problems, context.err);
    std::string all;
    for (const ConfigProblem& problem : problems) all += (all.empty() ? "" : "; ") + problem.text();
    print_fault_json("CONFIGURATION", all, context.out);
}

std::string_view name_of(ExitCode code) {
    if (code == kExitUsage) return "USAGE";
    return code == kExitNotRunning ? "NOT_RUNNING" : "FAILED";
}

template <class Lines>
void append_texts(JsonWriter& json, std::string_view name, const Lines& lines) {
    json.key(name).begin_array();
    for (const std::string& line : lines) json.string(line);
    json.end_array();
}

int print_verdict_json(const LoadResult& loaded, std::ostream& out) {
    std::vector<std::string> problems;
    if (!loaded) {
        for (const ConfigProblem& problem : loaded.error()) problems.push_back(problem.text());
    }
    std::string text;
    JsonWriter json(text);
    json.begin_object().member("valid", loaded.has_value());
    append_texts(json, "problems", problems);
    append_texts(json, "warnings", loaded ? loaded->warnings : std::vector<std::string>());
    json.end_object();
    out << text << '\n';
    return loaded ? kExitOk : kExitUsage;
}

int check_configuration(CommandLine& line, CliContext& context) {
    line.sources.use = ConfigUse::kStart;
    const LoadResult loaded = load_config(line.sources);
    if (line.form == OutputForm::kJson) return print_verdict_json(loaded, context.out);
    if (!loaded) {
        print_problems(loaded.error(), context.err);
        return kExitUsage;
    }
    print_warnings(loaded->warnings, context.err);
    context.out << "the configuration is good\n";
    return kExitOk;
}

int generate_configuration(const CommandLine& line, CliContext& context) {
    if (line.form == OutputForm::kMarkdown) {
        context.out << generate_markdown();
    } else {
        context.out << generate_toml(default_config(line.sources.mode));
    }
    return kExitOk;
}

bool is_description(Command command) {
    return command == Command::kActionsTypes || command == Command::kActionsOpenApi ||
           command == Command::kActionsAsyncApi;
}

/// Where client code is built, the server's secrets are not.
int describe_actions(CommandLine& line, CliContext& context) {
    line.sources.use = ConfigUse::kDescribe;
    const LoadResult loaded = load_config(line.sources);
    if (loaded) return print_actions({line, loaded->config, context});
    print_problems(loaded.error(), context.err);
    return kExitUsage;
}

int serve(const CommandLine& line, const LoadedConfig& loaded, CliContext& context) {
    const ServeContext serve_context{
        .warnings = loaded.warnings,
        .reload = [sources = line.sources,
                   &context] { return load_with_secret(sources, context.random); },
        .out = context.out,
        .err = context.err};
    return context.serve(loaded.config, serve_context);
}

int run_command(const CommandRun& run) {
    switch (run.line.command) {
        case Command::kTokenCreate:
            return create_token(run);
        case Command::kTokenCheck:
            return check_token(run);
        case Command::kSessionCreate:
            return create_session(run);
        case Command::kSessionList:
            return list_sessions(run);
        case Command::kSessionRevoke:
            return revoke_session(run);
        case Command::kCompanyDelete:
            return delete_company(run);
        case Command::kKeyCreate:
            return create_key(run);
        case Command::kUpdateSend:
            return send_update(run);
        case Command::kServe:
        case Command::kCheckConfig:
        case Command::kGenerateConfig:
        case Command::kActionsTypes:
        case Command::kActionsOpenApi:
        case Command::kActionsAsyncApi:
            break;
    }
    return kExitFailure;
}

}  // namespace

int CommandRun::fail(ExitCode code, std::string_view message) const {
    if (json())
        print_fault_json(name_of(code), message, context.out);
    else
        context.err << "signalbox: " << message << '\n';
    return code;
}

int CommandRun::refused(std::string_view code, std::string_view message) const {
    if (json())
        print_fault_json(code, message, context.out);
    else
        context.err << "signalbox: " << code << ": " << message << '\n';
    return kExitFailure;
}

void CommandRun::note(std::string_view message) const {
    context.err << "note: " << message << '\n';
}

std::expected<Milliseconds, std::string> parse_ttl(const CommandLine& line, TtlRange range) {
    if (line.ttl.empty()) return range.absent;
    const auto ttl = parse_duration(line.ttl);
    if (ttl && *ttl >= std::chrono::seconds(1) && *ttl <= range.max) return *ttl;
    return std::unexpected(fmt::format("--ttl must be a duration like 12h, 1s to {}, not {}",
                                       format_duration(range.max), quote(line.ttl)));
}

std::string id_fault(std::initializer_list<GivenId> ids) {
    for (const GivenId& id : ids) {
        const bool left_out = id.need == Need::kOptional && id.text.empty();
        if (!left_out && !is_valid_id(id.text)) {
            return fmt::format("{} must be 1 to 128 printable characters without white space",
                               id.flag);
        }
    }
    return {};
}

int run_cli(std::vector<std::string> args, CliContext& context) {
    auto line = parse_command_line(std::move(args));
    if (!line) {
        (line.error().code == kExitOk ? context.out : context.err) << line.error().text;
        return line.error().code;
    }
    line->sources.environment = context.environment;
    if (line->command == Command::kGenerateConfig) return generate_configuration(*line, context);
    if (line->command == Command::kCheckConfig) return check_configuration(*line, context);
    if (is_description(line->command)) return describe_actions(*line, context);
    // Where the server listens is no matter of the other commands.
    if (line->command != Command::kServe) line->sources.remote_dev = RemoteDev::kAllow;
    const bool serves = line->command == Command::kServe;
    ConfigSources sources = line->sources;
    if (serves) sources.use = ConfigUse::kStart;
    const LoadResult loaded = load_with_secret(sources, context.random);
    if (!loaded) {
        print_bad_configuration(loaded.error(), line->form, context);
        return kExitUsage;
    }
    print_warnings(loaded->warnings, context.err);
    const CommandRun run{*line, loaded->config, context};
    for (const std::string& made : loaded->notes) run.note(made);
    return serves ? serve(*line, *loaded, context) : run_command(run);
}

}  // namespace signalbox::app
