#include "load/message.h"

#include <fmt/format.h>

#include <charconv>

#include "base/json.h"
#include "base/random.h"

namespace signalbox::bench {
namespace {

constexpr std::size_t kDigits = 12;

std::string in_event(std::string_view envelope) {
    std::string text = R"(42["message",)";
    append_json_string(text, envelope);
    return text + ']';
}

/// Words of letters, the same in each run; they compress as prose does.
std::string filler(std::size_t bytes) {
    static constexpr std::string_view kWords[] = {"order",  "delivery", "artifact", "company",
                                                  "status", "changed",  "to",       "running",
                                                  "by",     "user",     "number",   "of"};
    SeededRandom random(1);
    std::string text;
    while (text.size() < bytes) {
        const std::uint64_t draw = random.below(std::size(kWords) * 1000);
        text.append(kWords[draw % std::size(kWords)])
            .append(fmt::format(" {} ", draw / std::size(kWords)));
    }
    text.resize(bytes);
    return text;
}

}  // namespace

MessageTemplate::MessageTemplate(Dialect dialect, std::string_view envelope,
                                 std::string_view prefix)
    : text_(prefix) {
    text_ += dialect == Dialect::kWebsocket ? std::string(envelope) : in_event(envelope);
    id_end_ = text_.find(kIdPlace) + kIdPlace.size();
}

std::string_view MessageTemplate::stamped(std::uint64_t id) {
    for (std::size_t i = 1; i <= kDigits; ++i, id /= 10)
        text_[id_end_ - i] = static_cast<char>('0' + id % 10);
    return text_;
}

MessageTemplate action_request(const Options& options) {
    const std::string data = options.data.empty()
                                 ? fmt::format(R"({{"note":"{}"}})", filler(options.data_bytes))
                                 : options.data;
    return {options.dialect,
            fmt::format(R"({{"type":"REQUEST","requestId":"{}","action":"{}","data":{}}})",
                        MessageTemplate::kIdPlace, options.action, data)};
}

MessageTemplate publish_request(Dialect dialect, std::string_view company) {
    constexpr std::string_view kData = R"({"orderId":"A-48213","status":"completed"})";
    if (dialect == Dialect::kFloor) {
        return {dialect,
                fmt::format(
                    R"({{"type":"UPDATE","requestId":"{}","action":"statusChange","data":{},)"
                    R"("kind":"push","time":"2026-01-01T00:00:00.000Z","position":"1-000000"}})",
                    MessageTemplate::kIdPlace, kData),
                "F"};
    }
    return {
        dialect,
        fmt::format(R"({{"type":"REQUEST","requestId":"publish","action":"updates.send","data":)"
                    R"({{"companyId":"{}","requestId":"{}","action":"statusChange","data":{}}}}})",
                    company, MessageTemplate::kIdPlace, kData)};
}

Arrival read_arrival(std::string_view message) {
    const std::size_t type = message.find("type");
    if (type == std::string_view::npos) return {};
    const std::size_t letter = message.find_first_of("RUE", type + 4);
    const std::size_t id = message.find("requestId", type);
    if (letter == std::string_view::npos || id == std::string_view::npos) return {};
    Arrival arrival;
    if (message[letter] == 'E') return {Arrival::Kind::kProblem, 0};
    const std::size_t digits = message.find_first_not_of("\\\":", id + 9) + 1;
    if (digits + kDigits > message.size() || message[digits - 1] != 'r') return {};
    const char* first = message.data() + digits;
    const auto [end, error] = std::from_chars(first, first + kDigits, arrival.id);
    if (error != std::errc() || end != first + kDigits) return {};
    arrival.kind = message[letter] == 'U' ? Arrival::Kind::kUpdate : Arrival::Kind::kAnswer;
    return arrival;
}

}  // namespace signalbox::bench
