#include "updates/update.h"

#include <set>

#include "base/json.h"
#include "updates/request_parser.h"

namespace signalbox::updates {
namespace {

constexpr std::string_view kNoText = "must be a string of 1 to 128 characters";
constexpr std::string_view kNoKeyInList =
    "must be left out in a list of several, whose key is the request's own or the header "
    "Idempotency-Key";

/// A place in the body, as a JSON Pointer. Member names are cut, since the peer chose them.
std::string below(const std::string& path, std::string_view name) {
    constexpr std::size_t kNameBytesMax = 64;
    std::string out = path + '/';
    for (const char c : name) {
        const bool whole = (static_cast<unsigned char>(c) & 0xc0) != 0x80;
        if (whole && out.size() - path.size() > kNameBytesMax) return out + "…";
        out += c == '~' ? "~0" : c == '/' ? "~1" : std::string_view(&c, 1);
    }
    return out;
}

/// Collects faults as [{path, message}].
class Faults {
public:
    void add(const std::string& path, std::string_view message) {
        constexpr std::size_t kFaultsMax = 32;
        if (++count_ > kFaultsMax) return;
        writer_.begin_object().member("path", path).member("message", message).end_object();
    }
    [[nodiscard]] std::size_t count() const { return count_; }
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

/// Names seen in one object, so that no name counts twice.
class Names {
public:
    /// @return false, with a fault, for a name that came before.
    bool is_new(std::string_view name, const std::string& path, Faults& faults) {
        if (seen_.insert(name).second) return true;
        faults.add(path, "occurs twice");
        return false;
    }

private:
    std::set<std::string_view> seen_;
};

void read_except(JsonElement value, const std::string& path, Selection& out, Faults& faults) {
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) {
        return faults.add(path, "must be an object with users, sessions, connections or artifacts");
    }
    Names names;
    for (const auto [name, list] : object) {
        const std::string member = below(path, name);
        if (!names.is_new(name, member, faults)) continue;
        if (!read_selection_member(name, list, member, out, faults)) {
            faults.add(member, "is not known; use users, sessions, connections or artifacts");
        }
    }
}

/// A misspelt or empty list must not turn into "the whole company": both are faults.
void read_audience(JsonElement value, const std::string& path, Audience& out, Faults& faults) {
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return faults.add(path, "must be an object");
    const std::size_t faults_before = faults.count();
    bool selects = false;
    Names names;
    for (const auto [name, list] : object) {
        const std::string member = below(path, name);
        if (!names.is_new(name, member, faults)) continue;
        if (name == "except") {
            read_except(list, member, out.except, faults);
        } else if (read_selection_member(name, list, member, out.only, faults)) {
            selects = true;
        } else {
            faults.add(member,
                       "is not known; use users, sessions, connections, artifacts or except");
        }
    }
    if (selects && out.only.empty() && faults.count() == faults_before) {
        faults.add(path, "selects nobody: leave the lists out to reach the whole company");
    }
}

void read_text(JsonElement value, const std::string& path, std::string& out, Faults& faults) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS || !is_valid_request_id(text)) {
        return faults.add(path, kNoText);
    }
    out = text;
}

void read_action(JsonElement value, const std::string& path, Update& update, Faults& faults) {
    read_text(value, path, update.action, faults);
    if (update.action.starts_with("system.")) {
        faults.add(path, "must not begin with \"system.\": those are the server's own");
    }
}

void read_key(JsonElement value, const std::string& path, Update& update, Faults& faults) {
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS && is_valid_id(text)) {
        update.idempotency_key = text;
    } else {
        faults.add(path, "must be a string of 1 to 128 printable characters without spaces");
    }
}

/// The guide's services send the envelope's `type` along.
void read_type(JsonElement value, const std::string& path, Faults& faults) {
    std::string_view type;
    if (value.get(type) != simdjson::SUCCESS || type != "UPDATE") {
        faults.add(path, "must be \"UPDATE\", or left out");
    }
}

struct Member {
    std::string_view name;
    JsonElement value;
    std::string_view raw;
    std::string path;
};

void read_member(const Member& member, Update& update, Faults& faults) {
    const auto& [name, value, raw, path] = member;
    if (name == "companyId") {
        if (auto id = read_id<CompanyId>(value, path, faults)) update.company = std::move(*id);
    } else if (name == "artifactId") {
        if (!value.is_null()) update.artifact = read_id<ArtifactId>(value, path, faults);
    } else if (name == "audience") {
        if (!value.is_null()) read_audience(value, path, update.audience, faults);
    } else if (name == "action") {
        read_action(value, path, update, faults);
    } else if (name == "data") {
        update.data = raw;
    } else if (name == "requestId") {
        read_text(value, path, update.request_id, faults);
    } else if (name == "idempotencyKey") {
        read_key(value, path, update, faults);
    } else if (name == "volatile") {
        if (value.get(update.is_volatile) != simdjson::SUCCESS) {
            faults.add(path, "must be true or false");
        }
    } else if (name == "type") {
        read_type(value, path, faults);
    } else {
        faults.add(path,
                   "is not known; use companyId, artifactId, audience, action, data, requestId, "
                   "idempotencyKey or volatile");
    }
}

/// What an update needs as a whole. `given` are the names of its members.
void check_update(const Update& update, simdjson::dom::object given, const std::string& path,
                  Faults& faults) {
    const auto has = [&](std::string_view name) {
        JsonElement value;
        return given.at_key(name).get(value) == simdjson::SUCCESS && !value.is_null();
    };
    if (!has("action"))
        faults.add(below(path, "action"), std::string("is required and ").append(kNoText));
    if (update.company.empty() && !has("companyId")) {
        faults.add(below(path, "companyId"), "is required: the company that gets the update");
    }
    if (has("artifactId") && has("audience")) {
        faults.add(below(path, "audience"), "must not be given together with artifactId");
    }
}

Update read_update(JsonElement element, std::string_view raw, const std::string& path,
                   const std::optional<CompanyId>& own_company, Faults& faults) {
    Update update;
    simdjson::dom::object object;
    if (element.get(object) != simdjson::SUCCESS) {
        faults.add(path, "must be an object");
        return update;
    }
    RawMembers texts(raw);  // in step with the tree's members
    Names names;
    for (const auto [name, value] : object) {
        const auto text = texts.next();
        const std::string member = below(path, name);
        if (!text || !names.is_new(name, member, faults)) continue;
        read_member({name, value, text->value, member}, update, faults);
    }
    if (update.company.empty() && own_company) update.company = *own_company;
    check_update(update, object, path, faults);
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
        return std::unexpected(
            Error::of(ErrorCode::kInvalidMessage,
                      "the updates cannot be read: " + std::string(to_string(root.error()))));
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
            if (list.size() > 1 && !updates.back().idempotency_key.empty())
                faults.add(below(path, "idempotencyKey"), kNoKeyInList);
            ++element;
            return true;
        });
    }
    if (faults.count() > 0) return std::unexpected(faults.error());
    return updates;
}

std::string idempotency_key_of(std::string_view text) {
    constexpr std::string_view kName = "idempotencyKey";
    // Most have none.
    if (!text.contains(kName)) return {};
    JsonParser parser;
    auto root = parser.parse(text);
    simdjson::dom::array list;
    if (root && root->get(list) == simdjson::SUCCESS && list.size() == 1) *root = *list.begin();
    std::string_view key;
    if (!root || (*root)[kName].get(key) != simdjson::SUCCESS || !is_valid_id(key)) return {};
    return std::string(key);
}

}  // namespace signalbox::updates
