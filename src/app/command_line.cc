#include "app/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <utility>

#include "app/config_value.h"
#include "app/serve.h"

namespace signalbox::app {
namespace {

constexpr const char* kFooter =
    "Examples:\n"
    "  signalbox serve --dev\n"
    "  signalbox generate-config > signalbox.toml\n"
    "  signalbox token create --dev --user ada --company acme --permissions 'orders:*'\n"
    "  signalbox actions types --config signalbox.toml --output actions.d.ts\n"
    "  signalbox update send --dev --company acme --action priceChanged --data '{\"price\": 3}'\n"
    "\n"
    "Exit codes: 0 done; 1 the command failed (token refused, no such session); 2 usage,\n"
    "configuration, used port or data directory; 3 it needs a running server and there is none.\n"
    "With --json a command that fails prints {\"error\": {\"code\", \"message\"}}; what is wrong "
    "with the\n"
    "command line itself stays text.";

struct Spelling {
    std::string flag;
    std::string value;
};

/// "--port N" → {"--port", "N"}.
Spelling split_spelling(std::string_view spelled) {
    const std::size_t space = spelled.find(' ');
    if (space == std::string_view::npos) return {std::string(spelled), ""};
    return {std::string(spelled.substr(0, space)), std::string(spelled.substr(space + 1))};
}

/// "help serve", "serve help" and "version" as the flags that they stand for.
std::vector<std::string> without_words(std::vector<std::string> args) {
    if (args.empty()) return args;
    if (args.front() == "version" || args.front() == "-v") args.front() = "--version";
    if (args.size() == 2 && args.back() == "help") args.back() = "--help";
    if (args.front() != "help") return args;
    args.erase(args.begin());
    args.emplace_back("--help");
    return args;
}

/// A word as a message repeats it: it may be a token in the wrong place.
std::string brief(const std::string& word) {
    constexpr std::size_t kBytesMax = 16;
    return word.size() > kBytesMax ? word.substr(0, kBytesMax) + "…" : word;
}

/// ` (did you mean "serve"?)`, or an empty text when none is near.
std::string suggestion(std::string_view given, const std::vector<std::string>& known) {
    std::size_t best = std::min<std::size_t>(2, given.size() / 2);
    std::string text;
    for (const std::string& candidate : known) {
        const std::size_t distance = edit_distance(given, candidate);
        if (distance > best || (distance == best && !text.empty())) continue;
        best = distance;
        text = fmt::format(" (did you mean {}?)", quote(candidate));
    }
    return text;
}

/// Declares every command and collects what is given.
class Parser {
public:
    Parser() {
        app_.require_subcommand(1);
        app_.set_version_flag("--version", "signalbox " SIGNALBOX_VERSION);
        app_.get_formatter()->column_width(30);
        declare_serve();
        declare_config_commands();
        declare_token_commands();
        declare_session_commands();
        declare_company_commands();
        declare_actions_commands();
        declare_others();
        app_.footer(kFooter);  // commands declared before it do not inherit it
    }

    std::expected<CommandLine, EarlyExit> parse(std::vector<std::string> args) {
        args_ = without_words(std::move(args));
        try {
            // CLI11 takes them from the end.
            app_.parse(std::vector<std::string>(args_.rbegin(), args_.rend()));
        } catch (const CLI::Success& wanted) {
            std::ostringstream text;
            app_.exit(wanted, text, text);
            return std::unexpected(EarlyExit{kExitOk, text.str()});
        } catch (const CLI::ParseError& error) {
            return std::unexpected(usage(describe(error)));
        }
        return finish();
    }

private:
    /// What CLI11 says, in our words where its own are unclear.
    [[nodiscard]] std::string describe(const CLI::ParseError& error) const {
        std::string message = error.what();
        if (error.get_name() == "RequiredError" && message.contains("subcommand"))
            return describe_missing_command();
        // Its name is that of the command.
        if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError))
            return describe_extras(app_.remaining(true));
        if (error.get_name() == "ArgumentMismatch") {
            return message.substr(0, message.find(':')) + " needs a value";
        }
        return message;
    }

    /// The commands that were understood: {"token", "create"}'s last.
    [[nodiscard]] const CLI::App& chosen() const {
        const CLI::App* at = &app_;
        while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
        return *at;
    }

    [[nodiscard]] std::string describe_missing_command() const {
        const CLI::App& group = chosen();
        std::vector<std::string> known;
        for (const CLI::App* each : group.get_subcommands([](const CLI::App*) { return true; }))
            known.push_back(each->get_name());
        std::string_view before;
        for (const std::string& word : args_) {
            // What follows an option may be its value.
            const bool may_be = !word.starts_with('-') && !before.starts_with('-');
            before = word;
            if (may_be && word != group.get_name())
                return fmt::format("unknown command {}{}", quote(brief(word)),
                                   suggestion(word, known));
        }
        return "a command is required";
    }

    /// The first flag among them, as they were given, else the first of them.
    [[nodiscard]] std::string describe_extras(const std::vector<std::string>& extras) const {
        const auto extra = [&](const std::string& arg) { return contains(extras, arg); };
        const auto flag = std::ranges::find_if(
            args_, [&](const std::string& arg) { return arg.starts_with('-') && extra(arg); });
        if (flag == args_.end()) {
            const auto word = std::ranges::find_if(args_, extra);
            return fmt::format("unexpected {}",
                               quote(brief(word == args_.end() ? extras[0] : *word)));
        }
        const std::string name = flag->substr(0, flag->find('='));
        std::vector<std::string> known;
        for (const CLI::Option* option : chosen().get_options()) {
            for (const std::string& each : option->get_lnames()) known.push_back("--" + each);
        }
        if (contains(known, name)) return name + " must come behind the command";
        return fmt::format("unknown option {}{}", name, suggestion(name, known));
    }

    /// Where ids may begin with a dash, so that CLI11 accepts any flag.
    [[nodiscard]] std::string describe_ids(const CLI::App& command, const char* otherwise) const {
        const std::vector<std::string> extras = command.remaining();
        const bool flag =
            std::ranges::any_of(extras, [](const auto& each) { return each.starts_with("--"); });
        return flag ? describe_extras(extras) : otherwise;
    }

    CLI::App* add(CLI::App& parent, Command command, const char* name, const char* text) {
        CLI::App* sub = parent.add_subcommand(name, text);
        sub->callback([this, command] { line_.command = command; });
        return sub;
    }

    CLI::App* add_group(const char* name, const char* text) {
        CLI::App* group = app_.add_subcommand(name, text);
        group->require_subcommand(1);
        return group;
    }

    void add_sources(CLI::App& command) {
        command.add_option("--config", config_file_, "Configuration file (TOML)")
            ->type_name("FILE");
        command.add_flag("--dev", dev_, "Defaults for development; needs no file");
    }

    void add_json(CLI::App& command) { command.add_flag("--json", json_, "Print JSON"); }

    void add_setting(CLI::App& command, std::string_view spelled, const char* path,
                     const char* text) {
        const auto [name, value] = split_spelling(spelled);
        command
            .add_option_function<std::string>(
                name,
                [this, flag = name, path](const std::string& given) {
                    line_.sources.flags.push_back({flag, path, given});
                },
                text)
            ->type_name(value);
    }

    void add_server_flags(CLI::App& command) {
        add_sources(command);
        add_setting(command, "--host ADDRESS", "server.host", "Address to listen on");
        add_setting(command, "--port N", "server.port", "Port to listen on; 0 picks one");
        add_setting(command, "--shards N", "server.shards", "Threads that serve connections");
        command.add_flag("--dev-allow-remote", allow_remote_,
                         "Let --dev listen beyond this machine");
    }

    static CLI::Option* add_text(CLI::App& command, std::string_view spelled, std::string& target,
                                 const char* text) {
        const auto [flag, value] = split_spelling(spelled);
        return command.add_option(flag, target, text)->type_name(value);
    }

    void declare_serve() {
        add_server_flags(*add(app_, Command::kServe, "serve", "Run the server"));
    }

    void declare_config_commands() {
        CLI::App* check = add(app_, Command::kCheckConfig, "check-config",
                              "Judge the configuration that serve would use");
        add_server_flags(*check);
        add_json(*check);
        CLI::App* generate = add(app_, Command::kGenerateConfig, "generate-config",
                                 "Print a configuration file with every key and its default");
        generate->add_flag("--dev", dev_, "The defaults of --dev");
        generate->add_flag("--markdown", markdown_, "The reference page instead");
    }

    void declare_token_commands() {
        CLI::App* tokens = add_group("token", "Make and check tokens");
        CLI::App* create = add(*tokens, Command::kTokenCreate, "create", "Print a new token");
        add_sources(*create);
        add_json(*create);
        add_text(*create, "--user ID", line_.user, "User id (claim sub)")->required();
        add_text(*create, "--company ID", line_.company, "Company id")->required();
        add_text(*create, "--permissions LIST", line_.permissions, "Permissions, by commas");
        add_text(*create, "--ttl DURATION", line_.ttl, "Its life, like 30m; default 1h");
        add_text(*create, "--session ID", line_.session, "Session id (claim sessionId)");
        CLI::App* check =
            add(*tokens, Command::kTokenCheck, "check", "Print what a token says, or its fault");
        add_sources(*check);
        add_json(*check);
        add_text(*check, "token", line_.token, "The token")->required();
    }

    void declare_session_commands() {
        CLI::App* sessions = add_group("session", "Make, list and revoke sessions");
        CLI::App* create =
            add(*sessions, Command::kSessionCreate, "create", "Make a session, print its id");
        add_sources(*create);
        add_json(*create);
        add_text(*create, "--user ID", line_.user, "User id")->required();
        add_text(*create, "--company ID", line_.company, "Company id")->required();
        add_text(*create, "--ttl DURATION", line_.ttl,
                 "Its life, like 8h; default auth.sessions.ttl");
        CLI::App* list = add(*sessions, Command::kSessionList, "list", "List active sessions");
        add_sources(*list);
        add_json(*list);
        CLI::App* revoke = add(*sessions, Command::kSessionRevoke, "revoke",
                               "End a session and close its connections");
        add_sources(*revoke);
        add_json(*revoke);
        add_text(*revoke, "id", line_.session, "The session's id");
        add_text(*revoke, "--company ID", line_.company, "Instead: all sessions of this company");
        add_text(*revoke, "--user ID", line_.user, "With --company: those of this user alone");
        // An id may begin with a dash, which CLI11 takes for an unknown flag.
        revoke->allow_extras();
        revoke_ = revoke;
    }

    void declare_company_commands() {
        CLI::App* companies = add_group("company", "Delete what is kept of a company");
        CLI::App* remove = add(*companies, Command::kCompanyDelete, "delete",
                               "Delete its sessions and close its connections");
        add_sources(*remove);
        add_json(*remove);
        add_text(*remove, "id", line_.company, "The company's id");
        remove->allow_extras();
        delete_ = remove;
    }

    void declare_actions_commands() {
        CLI::App* group = add_group("actions", "Print what clients can do, for their tools");
        for (CLI::App* one : {add(*group, Command::kActionsTypes, "types",
                                  "Print TypeScript declarations of all actions and envelopes"),
                              add(*group, Command::kActionsOpenApi, "openapi",
                                  "Print the OpenAPI 3.1 document of the HTTP routes"),
                              add(*group, Command::kActionsAsyncApi, "asyncapi",
                                  "Print the AsyncAPI 3.0 document of the Socket.IO events")}) {
            add_sources(*one);
            add_text(*one, "--output FILE", line_.output, "Write it there instead");
        }
    }

    void declare_others() {
        CLI::App* keys = add_group("key", "Make keys for services");
        CLI::App* create = add(*keys, Command::kKeyCreate, "create",
                               "Print a new service key and its configuration");
        add_sources(*create);
        add_json(*create);
        add_text(*create, "--permissions LIST", line_.permissions, "Permissions, by commas")
            ->required();
        add_text(*create, "--id NAME", line_.key_id, "Name of the key; default service-…");
        CLI::App* updates = add_group("update", "Send updates to clients");
        CLI::App* send =
            add(*updates, Command::kUpdateSend, "send", "Send an update through the server");
        add_sources(*send);
        add_json(*send);
        add_text(*send, "--company ID", line_.company, "Company id")->required();
        add_text(*send, "--artifact ID", line_.artifact,
                 "Only to clients that watch this artifact");
        add_text(*send, "--action NAME", line_.action, "Name of the update")->required();
        add_text(*send, "--data JSON", line_.data, "Its data, JSON");
    }

    std::expected<CommandLine, EarlyExit> finish() {
        line_.sources.mode = dev_ ? RunMode::kDev : RunMode::kProduction;
        line_.sources.remote_dev = allow_remote_ ? RemoteDev::kAllow : RemoteDev::kRefuse;
        if (!config_file_.empty()) line_.sources.file = config_file_;
        if (json_) line_.form = OutputForm::kJson;
        if (markdown_) line_.form = OutputForm::kMarkdown;
        if (line_.command == Command::kSessionRevoke && !take_revoked()) {
            return std::unexpected(
                usage(describe_ids(*revoke_, "one session id, or --company ID, is required")));
        }
        if (line_.command == Command::kCompanyDelete && !take_id(*delete_, line_.company)) {
            return std::unexpected(usage(describe_ids(*delete_, "one company id is required")));
        }
        const bool no_source = !dev_ && config_file_.empty();
        if (no_source && line_.command != Command::kGenerateConfig) {
            return std::unexpected(usage("--config FILE or --dev is required"));
        }
        return std::move(line_);
    }

    /// One session, or many by their company.
    bool take_revoked() {
        const bool one = take_id(*revoke_, line_.session);
        const bool none = line_.session.empty() && revoke_->remaining().empty();
        return line_.company.empty() ? one && line_.user.empty() : none;
    }

    static bool take_id(const CLI::App& command, std::string& id) {
        std::vector<std::string> ids = command.remaining();
        if (!id.empty()) ids.push_back(id);
        if (ids.size() != 1) return false;
        id = ids.front();
        return true;
    }

    [[nodiscard]] EarlyExit usage(std::string message) const {
        std::string path = "signalbox";
        for (const CLI::App* at = &app_; !at->get_subcommands().empty();) {
            at = at->get_subcommands().front();
            path += " " + at->get_name();
        }
        std::ranges::replace(message, '\n', ' ');
        if (message.ends_with('.')) message.pop_back();
        return {kExitUsage, fmt::format("signalbox: {}; see {} --help\n", message, path)};
    }

    CLI::App app_{"Signalbox, a Socket.IO action gateway.", "signalbox"};
    std::vector<std::string> args_;
    CLI::App* revoke_ = nullptr;
    CLI::App* delete_ = nullptr;
    CommandLine line_;
    std::string config_file_;
    bool dev_ = false;
    bool allow_remote_ = false;
    bool json_ = false;
    bool markdown_ = false;
};

}  // namespace

std::expected<CommandLine, EarlyExit> parse_command_line(std::vector<std::string> args) {
    return Parser().parse(std::move(args));
}

}  // namespace signalbox::app
