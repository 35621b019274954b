#include "app/config_upstream.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

namespace signalbox::app {
namespace {

using actions::UpstreamMode;
using actions::UpstreamSpec;
using namespace std::chrono_literals;

template <auto Member>
bool take_text(UpstreamSpec& spec, const RawValue& raw) {
    const auto* text = std::get_if<std::string>(&raw);
    if (text != nullptr) spec.*Member = *text;
    return text != nullptr;
}

template <auto Member>
bool take_flag(UpstreamSpec& spec, const RawValue& raw) {
    const bool* flag = std::get_if<bool>(&raw);
    if (flag != nullptr) spec.*Member = *flag;
    return flag != nullptr;
}

template <auto Member, std::int64_t Min, std::int64_t Max>
bool take_count(UpstreamSpec& spec, const RawValue& raw) {
    const auto* count = std::get_if<std::int64_t>(&raw);
    if (count == nullptr || *count < Min || *count > Max) return false;
    auto& member = spec.*Member;
    member = static_cast<std::remove_reference_t<decltype(member)>>(*count);
    return true;
}

template <auto Member>
bool take_duration(UpstreamSpec& spec, const RawValue& raw) {
    const auto* text = std::get_if<std::string>(&raw);
    const auto duration = text != nullptr ? parse_duration(*text) : std::nullopt;
    if (!duration || *duration < 10ms || *duration > 24h) return false;
    spec.*Member = *duration;
    return true;
}

bool take_cost(UpstreamSpec& spec, const RawValue& raw) {
    if (const auto* whole = std::get_if<std::int64_t>(&raw)) spec.cost = double(*whole);
    const auto* real = std::get_if<double>(&raw);
    if (real != nullptr) spec.cost = *real;
    return (real != nullptr || std::holds_alternative<std::int64_t>(raw)) && spec.cost >= 0;
}

bool take_permission(UpstreamSpec& spec, const RawValue& raw) {
    return take_text<&UpstreamSpec::permission>(spec, raw) &&
           (spec.permission.empty() || kPermission.accepts(spec.permission));
}

bool take_mode(UpstreamSpec& spec, const RawValue& raw) {
    const auto* text = std::get_if<std::string>(&raw);
    if (text == nullptr || (*text != "envelope" && *text != "rest")) return false;
    spec.mode = *text == "rest" ? UpstreamMode::kRest : UpstreamMode::kEnvelope;
    return true;
}

bool take_method(UpstreamSpec& spec, const RawValue& raw) {
    constexpr std::string_view kMethods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    return take_text<&UpstreamSpec::method>(spec, raw) &&
           std::ranges::find(kMethods, spec.method) != std::end(kMethods);
}

bool is_header_name(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
}

bool is_header_value(std::string_view value) {
    return std::ranges::all_of(value, [](unsigned char c) { return c >= ' ' && c != 0x7f; });
}

bool is_ours(std::string_view name) {
    constexpr std::string_view kOurs[] = {
        "host",        "content-length",      "connection",
        "traceparent", "signalbox-signature", "transfer-encoding"};
    std::string lower(name);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return std::ranges::find(kOurs, lower) != std::end(kOurs);
}

bool take_headers(UpstreamSpec& spec, const RawValue& raw) {
    const auto* table = std::get_if<RoleTable>(&raw);
    if (table == nullptr) return false;
    for (const auto& [name, values] : *table) {
        if (values.size() != 1 || !is_header_name(name) || is_ours(name)) return false;
        if (!is_header_value(values.front())) return false;
        spec.headers[name] = values.front();
    }
    return true;
}

constexpr std::string_view kText = "a text in quotes";
constexpr std::string_view kFlag = "true or false";
constexpr std::string_view kDuration = "a duration in quotes like \"25s\", 10ms to 24h";
constexpr std::string_view kJson = "JSON Schema in quotes, like '''{\"type\": \"object\"}'''";
constexpr std::size_t kMaxBytes = 64U << 20;

constexpr UpstreamField kFields[] = {
    {"name", kText, "", "The action, or `orders.*`: every action whose name begins `orders.`.",
     take_text<&UpstreamSpec::name>},
    {"url", kText, "",
     "Where it is. In mode `rest`, `{id}` is the data's member `id`; `{*}` is what the name's star "
     "stands for.",
     take_text<&UpstreamSpec::url>},
    {"permission", "a text in quotes without white space, like \"orders:read\", or \"\" for none",
     "", "Needed to run it; `\"\"`: none; `\"upstream\"`: the API decides, and its 401 passes.",
     take_permission},
    {"description", kText, "`\"\"`", "For `actions.list` and the documents.",
     take_text<&UpstreamSpec::description>},
    {"mode", "\"envelope\" or \"rest\"", "`\"envelope\"`",
     "Whether the API gets our envelope or is an ordinary endpoint.", take_mode},
    {"method", "GET, POST, PUT, PATCH or DELETE, in quotes", "`\"POST\"`", "In mode `rest`.",
     take_method},
    {"input_schema", kJson, "`\"true\"`", "JSON Schema that the data must match.",
     take_text<&UpstreamSpec::input_schema>},
    {"output_schema", kJson, "`\"\"`", "JSON Schema that the result must match; empty: none.",
     take_text<&UpstreamSpec::output_schema>},
    {"timeout", kDuration, "`\"30s\"`", "Until the final answer, retries included.",
     take_duration<&UpstreamSpec::timeout>},
    {"retries", "a whole number, 0 to 10", "2",
     "More tries, only where one cannot do the work twice.",
     take_count<&UpstreamSpec::retries, 0, 10>},
    {"safe_to_retry", kFlag, "true for a `rest` GET, else false",
     "Whether doing it twice does no harm.", take_flag<&UpstreamSpec::safe_to_retry>},
    {"max_concurrency", "a whole number, 0 to 1000000", "0",
     "Executions at a time on this node; 0: no maximum. More wait, companies taking turns.",
     take_count<&UpstreamSpec::max_concurrency, 0, 1'000'000>},
    {"max_waiting", "a whole number, 0 to 100000", "1024",
     "Executions that wait for one of `max_concurrency`; more are answered OVERLOADED.",
     take_count<&UpstreamSpec::max_waiting, 0, 100'000>},
    {"cost", "a number, at least 0", "1",
     "Tokens of the rate limits, and how much of its company's turn it takes.", take_cost},
    {"progress", kFlag, "false", "Whether callers hear of its progress unasked.",
     take_flag<&UpstreamSpec::progress>},
    {"deprecated", kFlag, "false", "Whether lists and documents say that it will go away.",
     take_flag<&UpstreamSpec::deprecated>},
    {"headers",
     "a table of texts like {X-Api-Key = \"…\"}, without Host, Content-Length, Connection, "
     "Transfer-Encoding, traceparent and Signalbox-Signature",
     "`{}`", "Sent with each request.", take_headers},
    {"forward_authorization", kFlag, "false",
     "Whether the caller's own token, which was verified here, is sent on.",
     take_flag<&UpstreamSpec::forward_authorization>},
    {"response_bytes_max", "a whole number, 1 to 67108864", "262144",
     "Of an answer, or of one line of NDJSON; a whole stream may have 64 times that.",
     take_count<&UpstreamSpec::response_bytes_max, 1, kMaxBytes>},
    {"breaker_failures", "a whole number, 0 to 1000", "5",
     "Failures in a row after which no requests are sent for a while; 0: never.",
     take_count<&UpstreamSpec::breaker_failures, 0, 1'000>},
    {"breaker_pause", kDuration, "`\"10s\"`", "That while; then one request tries.",
     take_duration<&UpstreamSpec::breaker_pause>},
};

bool has(const RawTable& table, std::string_view name) {
    return std::ranges::find(table.fields, name, &TableField::name) != table.fields.end();
}

}  // namespace

std::span<const UpstreamField> upstream_fields() {
    return kFields;
}

UpstreamSpec read_upstream(const RawTable& table, const TableFault& fault) {
    UpstreamSpec spec;
    for (const TableField& field : table.fields) {
        const auto* known = std::ranges::find(kFields, field.name, &UpstreamField::name);
        if (known == std::end(kFields)) {
            fault(field.line, field.name, "unknown key");
        } else if (!known->assign(spec, field.value)) {
            fault(field.line, field.name, fmt::format("must be {}", known->expects));
        }
    }
    // Nobody shall be let in because a line was forgotten.
    for (const std::string_view needed : {"name", "url", "permission"}) {
        if (!has(table, needed)) fault(table.line, needed, "is missing");
    }
    if (!has(table, "safe_to_retry"))
        spec.safe_to_retry = spec.mode == UpstreamMode::kRest && spec.method == "GET";
    return spec;
}

}  // namespace signalbox::app
