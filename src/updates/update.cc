#include "updates/update.h"

#include "base/json.h"
#include "updates/request_parser.h"

namespace signalbox::updates {
namespace {

/// Collects faults as [{path, message}].
class Faults {
public:
    void add(const std::string& path, std::string_view message) {
        constexpr std::size_t kFaultsMax = 32;
        if (++count_ > kFaultsMax) return;
        writer_.begin_object().member("path", path).member("message", message).end_object();
    }
    [[nodiscard]] bool any() const { return count_ > 0; }
    [[nodiscard]] Error error() const {
        Error error = Error::of(ErrorCode::kValidationFailed, "the update is not valid");
        error.details = '[' + text_ + ']';
        return error;
    }

private:
    std::string text_;
    JsonWriter writer_{text_};
    std::size_t count_ = 0;
};

std::optional<std::string> id_text(JsonElement value) {
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) return std::string(text);
    std::int64_t number = 0;
    if (value.get(number) == simdjson::SUCCESS) return std::to_string(number);
    return std::nullopt;
}

template <class IdType>
std::optional<IdType> read_id(JsonElement value, const std::string& path, Faults& faults) {
    const auto text = id_text(value);
    auto id = text ? IdType::parse(*text) : std::nullopt;
    if (!id) faults.add(path, "must be an id: 1 to 128 printable characters without spaces");
    return id;
}

template <class IdType>
void read_ids(JsonElement list, const std::string& path, std::vector<IdType>& out, Faults& faults) {
    constexpr std::size_t kIdsMax = 1'000;
    simdjson::dom::array array;
    if (list.get(array) != simdjson::SUCCESS) return faults.add(path, "must be a list of ids");
    if (array.size() > kIdsMax) return faults.add(path, "must have at most 1000 ids");
    std::size_t index = 0;
    for (const JsonElement item : array) {
        auto id = read_id<IdType>(item, path + '/' + std::to_string(index++), faults);
        if (id) out.push_back(std::move(*id));
    }
}

/// Reads one list of a selection. @return false when `name` is no list of it.
bool read_selection_member(std::string_view name, JsonElement value, const std::string& path,
                           Selection& out, Faults& faults) {
    if (name == "users") {
        read_ids(value, path, out.users, faults);
    } else if (name == "sessions") {
        read_ids(value, path, out.sessions, faults);
    } else if (name == "connections") {
        read_ids(value, path, out.connections, faults);
    } else if (name == "artifacts") {
        read_ids(value, path, out.artifacts, faults);
    } else {
        return false;
    }
    return true;
}

void read_except(JsonElement value, const std::string& path, Selection& out, Faults& faults) {
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) {
        return faults.add(path, "must be an object with users, sessions, connections or artifacts");
    }
    for (const auto [name, list] : object) {
        const std::string member = path + '/' + std::string(name);
        if (!read_selection_member(name, list, member, out, faults))
            faults.add(member, "is not known here");
    }
}

/// A misspelt list must not turn into "the whole company": unknown members are faults.
void read_audience(JsonElement value, const std::string& path, Audience& out, Faults& faults) {
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return faults.add(path, "must be an object");
    bool names_any = false;
    for (const auto [name, list] : object) {
        const std::string member = path + '/' + std::string(name);
        if (name == "except") {
            read_except(list, member, out.except, faults);
        } else if (read_selection_member(name, list, member, out.only, faults)) {
            names_any = true;
        } else {
            faults.add(member, "is not known here");
        }
    }
    if (names_any && out.only.empty() && !faults.any()) {
        faults.add(path, "selects nobody: leave the lists out to reach the whole company");
    }
}

/// One member of an update.
void read_member(std::string_view name, JsonElement value, std::string_view raw,
                 const std::string& path, Update& update, Faults& faults) {
    const auto text = [&](std::string& out, std::string_view expected) {
        std::string_view string;
        if (value.get(string) != simdjson::SUCCESS || string.empty())
            return faults.add(path, expected);
        out = string;
    };
    if (name == "companyId") {
        if (auto id = read_id<CompanyId>(value, path, faults)) update.company = std::move(*id);
    } else if (name == "artifactId") {
        if (!value.is_null()) update.artifact = read_id<ArtifactId>(value, path, faults);
    } else if (name == "audience") {
        if (!value.is_null()) read_audience(value, path, update.audience, faults);
    } else if (name == "action") {
        text(update.action, "must be a string of 1 to 128 characters");
        if (!is_valid_request_id(update.action))
            faults.add(path, "must be a string of 1 to 128 characters");
        if (update.action.starts_with("system."))
            faults.add(path, "must not begin with \"system.\"");
    } else if (name == "data") {
        update.data = raw;
    } else if (name == "requestId") {
        text(update.request_id, "must be a string of 1 to 128 characters");
        if (!is_valid_request_id(update.request_id))
            faults.add(path, "must be a string of 1 to 128 characters");
    } else if (name == "idempotencyKey") {
        text(update.idempotency_key, "must be a string of 1 to 128 characters");
    } else if (name == "volatile") {
        if (value.get(update.is_volatile) != simdjson::SUCCESS)
            faults.add(path, "must be true or false");
    }
}

Update read_update(JsonElement element, std::string_view raw, const std::string& path,
                   const std::optional<CompanyId>& own_company, Faults& faults) {
    Update update;
    if (!element.is_object()) {
        faults.add(path, "must be an object");
        return update;
    }
    bool has_audience = false;
    for_each_raw_member(raw, [&](std::string_view key, std::string_view value) {
        const std::string name = unescape_json(key);
        const JsonElement member = element[name].value_unsafe();
        if (name == "audience" && !member.is_null()) has_audience = true;
        read_member(name, member, value, path + '/' + name, update, faults);
        return true;
    });
    if (update.action.empty())
        faults.add(path + "/action", "is required: a string of 1 to 128 characters");
    if (update.company.empty() && own_company) update.company = *own_company;
    if (update.company.empty()) faults.add(path + "/companyId", "is required");
    if (update.artifact && has_audience) {
        faults.add(path + "/audience", "must not be given together with artifactId");
    }
    return update;
}

}  // namespace

std::vector<std::string> rooms_of(const Update& update) {
    if (update.artifact) return {artifact_room(update.company, *update.artifact)};
    auto rooms = update.audience.only.rooms(update.company);
    if (rooms.empty()) rooms.push_back(company_room(update.company));
    return rooms;
}

std::vector<std::string> except_rooms_of(const Update& update) {
    return update.audience.except.rooms(update.company);
}

std::expected<std::vector<Update>, Error> parse_updates(
    std::string_view text, const std::optional<CompanyId>& own_company) {
    JsonParser parser;
    const auto root = parser.parse(text);
    if (!root) {
        return std::unexpected(Error::of(ErrorCode::kInvalidMessage,
                                         "the body is " + std::string(to_string(root.error()))));
    }
    std::vector<Update> updates;
    Faults faults;
    simdjson::dom::array list;
    if (root->get(list) != simdjson::SUCCESS) {
        updates.push_back(read_update(*root, text, "", own_company, faults));
    } else if (list.size() < 1 || list.size() > kUpdatesAtOnceMax) {
        faults.add("", "must have 1 to 100 updates");
    } else {
        auto element = list.begin();
        for_each_raw_element(text, [&](std::string_view raw) {
            const std::string path = '/' + std::to_string(updates.size());
            updates.push_back(read_update(*element, raw, path, own_company, faults));
            ++element;
            return true;
        });
    }
    if (faults.any()) return std::unexpected(faults.error());
    return updates;
}

}  // namespace signalbox::updates
