#include "app/config_toml.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <set>

#include "app/config_upstream.h"

namespace signalbox::app {
namespace {

std::string join(std::string_view prefix, std::string_view key) {
    return prefix.empty() ? std::string(key) : fmt::format("{}.{}", prefix, key);
}

bool is_section(std::string_view path) {
    const std::string prefix = std::string(path) + ".";
    return std::ranges::any_of(config_keys(),
                               [&](const ConfigKey& key) { return key.path.starts_with(prefix); });
}

/// nullopt unless `node` is an array of strings.
std::optional<std::vector<std::string>> string_list(const toml::node& node) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return std::nullopt;
    std::vector<std::string> list;
    for (const toml::node& element : *array) {
        const auto* text = element.as_string();
        if (text == nullptr) return std::nullopt;
        list.push_back(text->get());
    }
    return list;
}

RawValue plain_value(const toml::node& node) {
    if (const auto* value = node.as_boolean()) return value->get();
    if (const auto* value = node.as_integer()) return value->get();
    if (const auto* value = node.as_floating_point()) return value->get();
    if (const auto* value = node.as_string()) return value->get();
    if (auto list = string_list(node)) return std::move(*list);
    return {};
}

/// Each text as a list of one; nullopt when one is no text.
std::optional<RoleTable> text_table(const toml::node& node) {
    if (!node.is_table()) return std::nullopt;
    RoleTable texts;
    for (const auto& [name, value] : *node.as_table()) {
        if (!value.is_string()) return std::nullopt;
        texts[std::string(name.str())] = {value.as_string()->get()};
    }
    return texts;
}

RawTable raw_table(const toml::table& table) {
    RawTable raw{.fields = {}, .line = table.source().begin.line};
    for (const auto& [name, node] : table) {
        auto texts = text_table(node);
        raw.fields.push_back({std::string(name.str()),
                              texts ? RawValue(std::move(*texts)) : plain_value(node),
                              name.source().begin.line});
    }
    return raw;
}

/// Walks one document and collects what it says.
class Reader {
public:
    explicit Reader(std::string_view name) : name_(name) {}

    void read_table(const toml::table& table, std::string_view prefix) {
        for (const auto& [key, node] : table) {
            read_node(node, key.source(), join(prefix, key.str()));
        }
    }

    void read_value(const ConfigKey& key, const toml::node& node) {
        if (key.type == ValueType::kRoles && node.is_table()) {
            read_roles(key, *node.as_table());
        } else if (key.type == ValueType::kServiceKeys && node.is_array()) {
            read_service_keys(key, *node.as_array());
        } else if (key.type == ValueType::kUpstreams && node.is_array()) {
            read_upstreams(key, *node.as_array());
        } else {
            content_.assignments.push_back({&key, plain_value(node), node.source().begin.line});
        }
    }

    void problem(const toml::source_region& at, std::string key, std::string message) {
        content_.problems.push_back({name_, at.begin.line, std::move(key), std::move(message)});
    }

    [[nodiscard]] TomlContent take() { return std::move(content_); }

private:
    void read_node(const toml::node& node, const toml::source_region& key_at,
                   const std::string& path) {
        if (const ConfigKey* key = find_config_key(path)) return read_value(*key, node);
        if (!is_section(path)) return problem(key_at, path, "unknown key." + suggest_key(path));
        if (!node.is_table()) return problem(key_at, path, "must be a table, like [" + path + "]");
        read_table(*node.as_table(), path);
    }

    void read_roles(const ConfigKey& key, const toml::table& table) {
        RoleTable roles;
        for (const auto& [role, node] : table) {
            if (auto permissions = permissions_of(node))
                roles.emplace(role.str(), std::move(*permissions));
            else
                problem(node.source(), join(key.path, role.str()), must_be_permissions());
        }
        content_.assignments.push_back({&key, std::move(roles), table.source().begin.line});
    }

    void read_service_keys(const ConfigKey& key, const toml::array& array) {
        std::vector<auth::ServiceKey> services;
        read_entries(key, array, [&](const toml::table& table, EntryPlace& place) {
            services.push_back(read_service_key(key, table, place));
        });
        content_.assignments.back().value = std::move(services);
    }

    void read_upstreams(const ConfigKey& key, const toml::array& array) {
        std::vector<actions::UpstreamSpec> upstreams;
        read_entries(key, array, [&](const toml::table& table, EntryPlace& place) {
            upstreams.push_back(read_upstream(
                raw_table(table), [&](std::uint32_t line, std::string_view name, std::string text) {
                    place.faulty.emplace(name);
                    content_.problems.push_back(
                        {name_, line, join(key.path, name), std::move(text)});
                }));
        });
        content_.assignments.back().value = std::move(upstreams);
    }

    /// Calls `read` for each table and appends an assignment with their places, whose value is still to come.
    template <class Read>
    void read_entries(const ConfigKey& key, const toml::array& array, const Read& read) {
        std::vector<EntryPlace> places;
        for (const toml::node& node : array) {
            const toml::table* table = node.as_table();
            if (table == nullptr) {
                problem(node.source(), key.path, "must be " + key.expects);
                continue;
            }
            places.push_back(place_of(*table));
            read(*table, places.back());
        }
        content_.assignments.push_back(
            {&key, RawValue(), array.source().begin.line, std::move(places)});
    }

    static EntryPlace place_of(const toml::table& table) {
        EntryPlace place{.line = table.source().begin.line, .members = {}, .faulty = {}};
        for (const auto& [name, node] : table)
            place.members.emplace(name.str(), name.source().begin.line);
        return place;
    }

    auth::ServiceKey read_service_key(const ConfigKey& key, const toml::table& table,
                                      EntryPlace& place) {
        auth::ServiceKey service;
        const auto fault = [&](std::string_view name, std::string message) {
            place.faulty.emplace(name);
            content_.problems.push_back(
                {name_, place.line_of(name), join(key.path, name), std::move(message)});
        };
        for (const auto& [name, node] : table) {
            const auto wrong = read_member(service, name.str(), node);
            if (!wrong.empty()) fault(name.str(), wrong);
        }
        for (const char* name : {"id", "sha256", "permissions"}) {
            if (!table.contains(name)) fault(name, "is missing");
        }
        return service;
    }

    /// @return what is wrong with it, or "".
    static std::string read_member(auth::ServiceKey& service, std::string_view name,
                                   const toml::node& node) {
        if (name == "id") return read_text(service.id, node);
        if (name == "sha256") return read_text(service.sha256_hex, node);
        if (name == "companies") return read_companies(service.companies, node);
        if (name != "permissions")
            return "unknown key. A service key has id, sha256, permissions and companies";
        auto permissions = permissions_of(node);
        if (!permissions) return must_be_permissions();
        service.permissions = std::move(*permissions);
        return {};
    }

    static std::string read_text(std::string& target, const toml::node& node) {
        const auto* text = node.as_string();
        if (text == nullptr) return "must be a text in quotes";
        target = text->get();
        return {};
    }

    static std::string read_companies(std::vector<CompanyId>& companies, const toml::node& node) {
        const auto texts = string_list(node);
        if (!texts) return "must be a list of texts like [\"a\", \"b\"]";
        for (const std::string& text : *texts) {
            auto company = CompanyId::parse(text);
            if (!company) return "must be a list of company ids";
            companies.push_back(std::move(*company));
        }
        return {};
    }

    /// nullopt unless `node` is a list of permissions.
    static std::optional<std::vector<std::string>> permissions_of(const toml::node& node) {
        auto list = string_list(node);
        if (!list || !std::ranges::all_of(*list, kPermission.accepts)) return std::nullopt;
        return list;
    }

    static std::string must_be_permissions() {
        return fmt::format("must be a list of permissions, each {}", kPermission.expects);
    }

    std::string name_;
    TomlContent content_;
};

}  // namespace

TomlContent read_toml(std::string_view text, std::string_view name) {
    Reader reader(name);
    try {
        reader.read_table(toml::parse(text, name), "");
    } catch (const toml::parse_error& error) {
        reader.problem(error.source(), "", std::string(error.description()));
    }
    return reader.take();
}

TomlContent read_toml_value(const ConfigKey& key, std::string_view text, std::string_view where) {
    Reader reader(where);
    try {
        const toml::table table = toml::parse(fmt::format("value = {}", text));
        reader.read_value(key, *table.get("value"));
    } catch (const toml::parse_error&) {
        reader.problem({}, key.path, "must be " + key.expects + ", in TOML");
    }
    TomlContent content = reader.take();
    for (TomlAssignment& assignment : content.assignments) {
        assignment.line = 0;
        for (EntryPlace& place : assignment.entries) place = {0, {}, std::move(place.faulty)};
    }
    for (ConfigProblem& problem : content.problems) problem.line = 0;
    return content;
}

std::string suggest_key(std::string_view path) {
    constexpr std::size_t kDistanceMax = 2;
    std::set<std::string> known;
    for (const ConfigKey& key : config_keys()) known.insert({key.path, key.section()});
    const std::string* best = nullptr;
    std::size_t best_distance = kDistanceMax + 1;
    for (const std::string& candidate : known) {
        const std::size_t distance = edit_distance(path, candidate);
        if (distance >= best_distance) continue;
        best = &candidate;
        best_distance = distance;
    }
    if (best != nullptr) return fmt::format(" Did you mean {}?", *best);
    const std::string_view leaf = path.substr(path.rfind('.') + 1);
    for (const ConfigKey& key : config_keys()) {
        if (key.name() == leaf) return fmt::format(" Did you mean {}?", key.path);
    }
    return {};
}

}  // namespace signalbox::app
