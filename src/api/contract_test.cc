#include "api/contract.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "actions/schema.h"
#include "actions/upstream.h"
#include "api/operations.h"
#include "api/protocol_schemas.h"
#include "api/testing_node.h"
#include "base/error_code.h"

/// The documents made from the registry and the routes, and who gets to see what.
namespace signalbox::api {
namespace {

using testing::ApiNode;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using testing::header_of;
using ::testing::Not;
using testing::request_of;

bool is_json(const std::string& text) {
    JsonParser parser;
    return parser.parse(text).has_value();
}

/// The value at a JSON Pointer, as text; empty when there is none.
std::string at(const std::string& document, const std::string& pointer) {
    JsonParser parser;
    const auto root = parser.parse(document);
    JsonElement value;
    if (!root || root->at_pointer(pointer).get(value) != simdjson::SUCCESS) return "";
    return simdjson::to_string(value);
}

/// A contract of these actions and all routes.
class Documents : public ::testing::Test {
protected:
    actions::ActionDefinition& add(std::string name, std::string input = "true") {
        definitions_.push_back({});
        actions::ActionDefinition& action = definitions_.back();
        action.name = std::move(name);
        action.input_schema = std::move(input);
        action.handler = actions::BuiltIn{};
        return action;
    }
    void add_prefix(const std::string& name) {
        add(name).handler = actions::UpstreamHandler{
            *actions::Upstream::create({.name = name, .url = "http://127.0.0.1:1/"}, "")};
    }

    const Contract& contract() {
        for (actions::ActionDefinition& one : definitions_) {
            const auto added = registry_.add(one);
            EXPECT_TRUE(added) << added.error();
        }
        definitions_.clear();
        contract_.actions.clear();
        contract_.routes.clear();
        for (const auto& [name, action] : registry_.all()) contract_.actions.push_back(&action);
        for (const Route& route : routes()) contract_.routes.push_back(&route);
        contract_.version = "1.2.3";
        contract_.socket_path = "/realtime";
        contract_.host = "localhost";
        return contract_;
    }

    SchemaTexts texts_;
    Contract contract_{.texts = texts_};

private:
    std::deque<actions::ActionDefinition> definitions_;
    actions::ActionRegistry registry_;
};

constexpr const char* kOrders = "/paths/~1api~1v1~1actions~1orders.create/post";

TEST(Operations, DescribeEveryRouteAndNothingElse) {
    std::set<std::string> ids;
    for (const Route& route : routes()) {
        const Operation* operation = find_operation(route);
        ASSERT_NE(operation, nullptr) << route.method << " " << route.pattern;
        const std::string members(operation->members);
        EXPECT_TRUE(is_json(members)) << members;
        EXPECT_TRUE(ids.insert(at(members, "/operationId")).second) << members;
        EXPECT_EQ(route.pattern.contains('{'), members.contains(R"("in": "path")")) << members;
    }
}

TEST(ProtocolSchemas, CompileTogether) {
    const auto schema = actions::Schema::compile(
        R"({"components":{"schemas":)" + protocol_schemas() +
        R"(},"anyOf":[{"$ref":"#/components/schemas/RequestEnvelope"},{"$ref":"#/components/schemas/NewUpdates"}]})");
    ASSERT_TRUE(schema) << schema.error();
    JsonParser parser;
    EXPECT_TRUE((*schema)
                    ->validate(*parser.parse(R"({"action":"x","audience":{"users":[1,"u"]}})"))
                    .empty());
    EXPECT_FALSE((*schema)->validate(*parser.parse(R"({"action":"system.x"})")).empty());
    EXPECT_FALSE(
        (*schema)->validate(*parser.parse(R"({"action":"x","audience":{"user":["u"]}})")).empty());
}

TEST(ProtocolSchemas, HaveTheDataOfEachSystemEventThatTheGatewaySends) {
    std::set<std::string> sent, described;
    for (const auto& file : std::filesystem::directory_iterator(SIGNALBOX_GATEWAY)) {
        if (file.path().extension() != ".cc" || file.path().string().contains("_test")) continue;
        std::ifstream in(file.path());
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        for (std::size_t begin = text.find("\"system."); begin != text.npos;
             begin = text.find("\"system.", begin + 1)) {
            sent.insert(text.substr(begin + 1, text.find('"', begin + 1) - begin - 1));
        }
    }
    sent.erase("system.ping");
    for (const SystemEvent& event : system_events()) {
        described.insert(std::string(event.name));
        EXPECT_FALSE(at(protocol_schemas(), "/" + std::string(event.schema)).empty()) << event.name;
    }
    EXPECT_THAT(described, ElementsAreArray(sent));
}

TEST(ActionNames, NeverMeet) {
    std::set<std::string> parts;
    for (const char* name : {"reports", "reports.*", "reports.any", "reports.any-run",
                             "reports.any.run", "reports.run", "reports.run.*"})
        EXPECT_TRUE(parts.insert(ActionNames(name).part("run")).second) << name;
    EXPECT_EQ(ActionNames("orders.create").part("input"), "orders.create.input");
    EXPECT_EQ(ActionNames("reports.*").part("input"), "reports.any-input");
}

TEST_F(Documents, AreJsonWithoutAnyAction) {
    EXPECT_TRUE(is_json(openapi_document(contract())));
    EXPECT_TRUE(is_json(asyncapi_document(contract())));
    EXPECT_EQ(at(openapi_document(contract()), "/info/version"), "\"1.2.3\"");
}

TEST_F(Documents, HaveEveryRouteWithItsErrors) {
    const std::string document = openapi_document(contract());
    for (const Route& route : routes()) {
        std::string method(route.method), path;
        for (char& c : method) c = static_cast<char>(c + ('a' - 'A'));
        for (const char c : route.pattern) c == '/' ? path += "~1" : path += c;
        const std::string operation = at(document, "/paths/" + path + "/" + method);
        EXPECT_THAT(operation, HasSubstr("operationId")) << route.pattern;
        if (route.access != Access::kOpen)
            EXPECT_THAT(operation,
                        HasSubstr(R"("401":{"$ref":"#/components/responses/Error401"})"));
    }
    for (const ErrorInfo& info : error_registry())
        EXPECT_THAT(at(document, "/components/responses/Error" + std::to_string(info.http_status)),
                    HasSubstr(info.name));
}

TEST_F(Documents, GiveEachActionAPathOfItsOwn) {
    auto& action = add("orders.create", R"({"type":"object","required":["item"]})");
    action.output_schema = R"({"type":"object"})";
    action.permission = "orders:write";
    action.description = "Orders.";
    action.deprecated = true;
    const std::string document = openapi_document(contract());
    const std::string path = kOrders;
    EXPECT_EQ(at(document, path + "/description"), "\"Orders.\"");
    EXPECT_EQ(at(document, path + "/deprecated"), "true");
    EXPECT_EQ(at(document, path + "/security/0"), R"({"bearer":["orders:write"],"session":[]})");
    const std::string body = path + "/requestBody/content/application~1json/schema/allOf/1";
    EXPECT_EQ(at(document, path + "/requestBody/required"), "true");
    EXPECT_EQ(
        at(document, body),
        R"({"properties":{"data":{"$ref":"#/components/schemas/orders.create.input"}},"required":["data"]})");
    EXPECT_EQ(at(document, "/components/schemas/orders.create.input/required/0"), "\"item\"");
    EXPECT_THAT(at(document, path + "/responses/200"), HasSubstr("orders.create.output"));
    EXPECT_EQ(at(document, path + "/responses/502"), "");
    EXPECT_EQ(at(document, path + "/x-signalbox/permission"), "\"orders:write\"");
}

TEST_F(Documents, LetDataBeLeftOutWhereNullWillDo) {
    add("orders.create", R"({"type":["object","null"]})");
    EXPECT_EQ(at(openapi_document(contract()), std::string(kOrders) + "/requestBody/required"),
              "false");
}

TEST_F(Documents, HaveAParameterForTheRestOfAPrefix) {
    add_prefix("reports.*");
    const std::string document = openapi_document(contract());
    const std::string path = "/paths/~1api~1v1~1actions~1reports.{rest}/post";
    EXPECT_EQ(at(document, path + "/parameters/0/name"), "\"rest\"");
    EXPECT_EQ(at(document, path + "/responses/502/$ref"), "\"#/components/responses/Error502\"");
    EXPECT_THAT(asyncapi_document(contract()),
                HasSubstr(R"("pattern":"^reports\\.[A-Za-z0-9_][A-Za-z0-9_.-]*$")"));
}

TEST_F(Documents, TakeTheSessionFromTheTokenWhereItIsThere) {
    add("orders.create");
    contract_.sessions = SessionSource::kToken;
    const std::string document = openapi_document(contract());
    EXPECT_EQ(at(document, std::string(kOrders) + "/security"), R"([{"bearer":[]}])");
    EXPECT_EQ(at(asyncapi_document(contract()), "/servers/signalbox/security"),
              R"([{"$ref":"#/components/securitySchemes/token"}])");
}

TEST_F(Documents, TellHowAnActionIsRunOverTheSocket) {
    add("orders.create", R"({"type":"string"})").output_schema = R"({"type":"integer"})";
    const std::string document = asyncapi_document(contract());
    EXPECT_EQ(at(document, "/operations/orders.create.run/messages/0/$ref"),
              "\"#/channels/message/messages/orders.create.request\"");
    EXPECT_EQ(at(document, "/operations/orders.create.run/reply/messages/1/$ref"),
              "\"#/channels/message/messages/orders.create.response\"");
    EXPECT_THAT(at(document, "/channels/message/messages/orders.create.request/payload"),
                HasSubstr(R"("action":{"const":"orders.create"})"));
    for (const SystemEvent& event : system_events())
        EXPECT_FALSE(at(document, "/channels/message/messages/" + std::string(event.name)).empty());
}

constexpr const char* kBoth[] = {"/openapi.json", "/asyncapi.json"};

TEST(DocumentRoutes, TellACallerOnlyOfItsOwnActions) {
    ApiNode api;
    for (const char* path : kBoth) {
        const auto without = api.send_as({}, "GET", path);
        EXPECT_EQ(without->status(), 200);
        EXPECT_THAT(without->body(), HasSubstr("echo.input"));
        EXPECT_THAT(without->body(), Not(HasSubstr("updates.send.input")));
        EXPECT_THAT(api.send_as({"updates:send"}, "GET", path)->body(),
                    HasSubstr("updates.send.input"));
    }
}

TEST(DocumentRoutes, NeedATokenUnlessTheyArePublic) {
    ApiNode closed;
    ApiNode open({.documents = DocumentReaders::kEverybody});
    for (const char* path : kBoth) {
        EXPECT_EQ(closed.get(path)->status(), 401);
        EXPECT_EQ(open.get(path)->status(), 200);
        EXPECT_THAT(open.get(path)->body(), HasSubstr("updates.send.input"));
        EXPECT_THAT(open.send_as({}, "GET", path)->body(), Not(HasSubstr("updates.send.input")));
        HttpRequest bad = request_of("GET", path);
        bad.headers.add("Authorization", "Bearer nonsense");
        EXPECT_EQ(open.send(std::move(bad))->status(), 401);
    }
}

TEST(DocumentRoutes, AnswerNotModifiedToWhoHasThisVersion) {
    ApiNode api({.documents = DocumentReaders::kEverybody});
    const auto first = api.get("/openapi.json");
    EXPECT_EQ(header_of(*first, "Cache-Control"), "private, no-cache");
    EXPECT_THAT(header_of(*first, "Vary"), HasSubstr("Authorization"));
    HttpRequest again = request_of("GET", "/openapi.json");
    again.headers.add("If-None-Match", header_of(*first, "ETag"));
    const auto second = api.send(std::move(again));
    EXPECT_EQ(second->status(), 304);
    EXPECT_EQ(second->body(), "");
}

TEST(DocumentRoutes, FollowAReloadOfTheActions) {
    ApiNode api({.documents = DocumentReaders::kEverybody});
    const auto before = api.get("/openapi.json");
    auto reloaded = std::make_shared<actions::ActionRegistry>();
    actions::ActionDefinition action;
    action.name = "brand.new";
    action.handler = actions::BuiltIn{};
    ASSERT_TRUE(reloaded->add(action));
    api.node.set_actions(reloaded);
    HttpRequest again = request_of("GET", "/openapi.json");
    again.headers.add("If-None-Match", header_of(*before, "ETag"));
    const auto after = api.send(std::move(again));
    EXPECT_EQ(after->status(), 200);
    EXPECT_THAT(after->body(), HasSubstr("brand.new.input"));
    EXPECT_THAT(after->body(), Not(HasSubstr("echo.input")));
}

TEST(SchemaTexts, KeepATextUntilAnotherRegistryIsInUse) {
    using actions::SchemaDialect;
    const auto schema = *actions::Schema::compile(R"({"type":"string"})");
    const auto other = *actions::Schema::compile(R"({"type":"number"})");
    const auto registry = std::make_shared<actions::ActionRegistry>();
    SchemaTexts texts;
    texts.use(registry);
    EXPECT_EQ(texts.of(schema, SchemaDialect::kDraft07, "#/a"), R"({"type":"string"})");
    texts.use(registry);
    EXPECT_EQ(texts.of(other, SchemaDialect::kDraft07, "#/a"), R"({"type":"string"})");
    EXPECT_EQ(texts.of(other, SchemaDialect::kDraft202012, "#/a"), R"({"type":"number"})");
    texts.use(std::make_shared<actions::ActionRegistry>());
    EXPECT_EQ(texts.of(other, SchemaDialect::kDraft07, "#/a"), R"({"type":"number"})");
}

TEST(DocumentRoutes, LeaveOutWhatIsServedOnTheInternalListenerOnly) {
    ApiNode api({.management = ManagementDoor::kInternalListener,
                 .documents = DocumentReaders::kEverybody});
    EXPECT_THAT(api.get("/openapi.json")->body(), Not(HasSubstr("/api/v1/sessions")));
    HttpRequest internal = request_of("GET", "/openapi.json");
    internal.internal_listener = true;
    EXPECT_THAT(api.send(std::move(internal))->body(), HasSubstr("/api/v1/sessions"));
}

TEST(DocumentRoutes, NameTheHostThatWasAskedFor) {
    ApiNode api({.documents = DocumentReaders::kEverybody});
    HttpRequest request = request_of("GET", "/asyncapi.json");
    request.headers.set("Host", "api.example.com:8443");
    request.secure = true;
    const auto answer = api.send(std::move(request));
    EXPECT_EQ(at(answer->body(), "/servers/signalbox/host"), "\"api.example.com:8443\"");
    EXPECT_EQ(at(answer->body(), "/servers/signalbox/protocol"), "\"wss\"");
    HttpRequest odd = request_of("GET", "/asyncapi.json");
    odd.headers.set("Host", "a\"b");
    EXPECT_EQ(at(api.send(std::move(odd))->body(), "/servers/signalbox/host"), "\"localhost\"");
}

}  // namespace
}  // namespace signalbox::api
