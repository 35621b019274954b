#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/testing_node.h"
#include "base/check.h"

/// What may be done is the same through the socket and through REST, and the explanation agrees.
namespace signalbox::api {
namespace {

using gateway::testing::Login;
using gateway::testing::TestClient;
using ::testing::HasSubstr;

/// Everything that a principal is made of.
struct Person {
    const char* what;
    std::vector<std::string> permissions = {};
    std::vector<std::string> roles = {};
    std::optional<std::vector<std::string>> artifacts = {};
};

const Person kPeople[] = {
    {"nothing"},
    {"the literal", {"orders:create"}},
    {"another", {"orders:delete", "orders", "order:create"}},
    {"a wildcard", {"orders:*"}},
    {"everything", {"*"}},
    {"any", {"orders:create:any", "updates:send:any"}},
    {"a wildcard of any", {"orders:create:*"}},
    {"updates", {"updates:send"}},
    {"literal only", {"admin", "metrics"}},
    {"a role", {}, {"seller"}},
    {"an unknown role", {}, {"nobody"}},
    {"two roles", {}, {"nobody", "watcher"}},
    {"an artifact", {"artifact:a%3A1:watch"}},
    {"all artifacts", {"artifact:*"}},
    {"some artifacts by claim", {}, {}, {{"a*", "b"}}},
    {"no artifacts by claim", {"*"}, {}, std::vector<std::string>()},
};

const auth::RoleTable kRoles{{"seller", {"orders:create", "updates:*"}},
                             {"watcher", {"artifact:b:watch"}}};

class Parity : public ::testing::Test {
protected:
    Parity() {
        for (const char* permission : {"", "orders:create", "admin", "metrics", "deep:a:b:c"}) {
            actions::ActionDefinition action;
            action.name = std::string("needs.") + (*permission == 0 ? "nothing" : "");
            for (const char* c = permission; *c != 0; ++c) action.name += *c == ':' ? '-' : *c;
            action.description = "Says yes.";
            action.permission = permission;
            action.handler = actions::ImmediateHandler(
                [](actions::ActionContext&, const JsonText& data) -> actions::ActionResult {
                    return data;
                });
            SB_CHECK(api_.node.registry.add(std::move(action)).has_value());
        }
        api_.node.options_.limits.address_handshakes = {};
        api_.node.add_session("s1", "u1", "acme");
        set_policy({.roles = kRoles});
    }
    void set_policy(auth::PolicyOptions options) { api_.node.set_policy(std::move(options)); }

    static Login login_of(const Person& person) {
        return {.session = "s1",
                .permissions = person.permissions,
                .format = "object",
                .roles = person.roles,
                .artifacts = person.artifacts};
    }
    std::string rest(const Login& login, const std::string& method, const std::string& target,
                     const std::string& body = {}) {
        HttpRequest request = testing::request_of(method, target);
        request.headers.add("Authorization", "Bearer " + login.token(api_.node));
        request.headers.add("X-Session-Id", login.session);
        if (!body.empty()) request.headers.add("Content-Type", "application/json");
        request.body = body;
        return api_.send(std::move(request))->body();
    }
    /// "allowed", or the error's code.
    static std::string outcome(const std::string& envelope) {
        const std::size_t code = envelope.find(R"("code":")");
        if (code == std::string::npos) return "allowed";
        const std::size_t begin = code + 8;
        return envelope.substr(begin, envelope.find('"', begin) - begin);
    }
    std::string over_socket(TestClient& client, const std::string& action,
                            const std::string& data) {
        client.take();
        client.request("r", action, data);
        return outcome(client.take_joined());
    }
    std::string over_rest(const Login& login, const std::string& action, const std::string& data) {
        return outcome(rest(login, "POST", "/api/v1/actions/" + action, "{\"data\":" + data + "}"));
    }
    /// "allowed" or what the refusal would be.
    std::string explained(const Login& login, const std::string& query,
                          const std::string& refusal) {
        Login asking = login;
        asking.permissions.emplace_back("permissions:explain");
        const std::string text = rest(asking, "GET", "/api/v1/permissions/explain?" + query);
        if (text.find(R"("allowed":true)") != std::string::npos) return "allowed";
        return text.find(R"("allowed":false)") != std::string::npos ? refusal : text;
    }
    static std::string data_for(const std::string& action) {
        if (action == "updates.send") return R"({"action":"x"})";
        if (action == "artifact.subscribe" || action == "artifact.unsubscribe")
            return R"({"artifactId":"b"})";
        if (action == "execution.cancel") return R"({"requestId":"x"})";
        return "null";
    }

    testing::ApiNode api_;
};

/// These change a connection, and REST has none.
bool is_of_connections(const std::string& action) {
    return action.starts_with("artifact.") || action == "auth.refresh";
}

TEST_F(Parity, EveryActionIsAllowedThroughBothDoorsOrThroughNone) {
    for (const Person& person : kPeople) {
        const Login login = login_of(person);
        TestClient client(api_.node, login);
        std::size_t listed = 0;
        for (const auto& [name, action] : api_.node.registry.all()) {
            if (is_of_connections(name) || name == "slow" || name == "longTask") continue;
            const std::string data = data_for(name);
            const std::string by_socket = over_socket(client, name, data);
            EXPECT_EQ(by_socket, over_rest(login, name, data)) << person.what << ", " << name;
            const std::string why = explained(login, "action=" + name, "FORBIDDEN");
            EXPECT_EQ(why == "FORBIDDEN", by_socket == "FORBIDDEN") << person.what << ", " << name;
            if (by_socket != "FORBIDDEN") ++listed;
        }
        EXPECT_GT(listed, 5U);
        EXPECT_EQ(over_socket(client, "nobody.knows", "null"), "ACTION_NOT_FOUND");
        EXPECT_EQ(over_rest(login, "nobody.knows", "null"), "ACTION_NOT_FOUND");
    }
}

TEST_F(Parity, BothDoorsListTheSameActions) {
    for (const Person& person : kPeople) {
        const Login login = login_of(person);
        TestClient client(api_.node, login);
        client.take();
        client.request("r", "actions.list");
        EXPECT_THAT(client.take_joined(), HasSubstr(rest(login, "GET", "/api/v1/actions")))
            << person.what;
    }
}

TEST_F(Parity, ActionsOfAConnectionAreRefusedOverRestInOneWay) {
    const Login login = login_of({"everything", {"*"}});
    TestClient client(api_.node, login);
    EXPECT_EQ(over_rest(login, "artifact.subscribe", R"({"artifactId":"b"})"), "INVALID_MESSAGE");
    EXPECT_EQ(over_rest(login, "artifact.unsubscribe", R"({"artifactId":"b"})"), "INVALID_MESSAGE");
    EXPECT_EQ(over_rest(login, "auth.refresh", R"({"token":"t"})"), "INVALID_MESSAGE");
}

TEST_F(Parity, EveryArtifactRuleSaysTheSameEverywhere) {
    using enum auth::ArtifactRule;
    const std::vector<auth::ArtifactRule> rules[] = {
        {kCompany}, {kClaim}, {kPermission}, {kClaim, kPermission}, {kCompany, kPermission}};
    for (const auto& rule : rules) {
        set_policy({.roles = kRoles, .artifact_rules = rule});
        for (const Person& person : kPeople) {
            Login login = login_of(person);
            TestClient client(api_.node, login);
            for (const std::string artifact : {"a:1", "b", "c"}) {
                const std::string said = over_socket(client, "artifact.subscribe",
                                                     "{\"artifactId\":\"" + artifact + "\"}");
                EXPECT_EQ(said, explained(login, "artifact=" + percent_encode_id(artifact),
                                          "ARTIFACT_FORBIDDEN"))
                    << person.what << ", " << artifact;
                login.artifact = artifact;
                TestClient watching(api_.node, login);
                EXPECT_EQ(outcome(watching.take_joined()), said) << person.what << ", " << artifact;
                watching.transport().drop();
            }
            client.transport().drop();
        }
    }
}

TEST_F(Parity, UpdatesToACompanyAreAllowedThroughBothDoorsOrThroughNone) {
    for (const Person& person : kPeople) {
        const Login login = login_of(person);
        TestClient client(api_.node, login);
        for (const char* company : {"acme", "other"}) {
            const std::string update =
                R"({"action":"x","companyId":")" + std::string(company) + "\"}";
            const std::string by_socket = over_socket(client, "updates.send", update);
            EXPECT_EQ(by_socket, over_rest(login, "updates.send", update)) << person.what;
            EXPECT_EQ(by_socket, outcome(rest(login, "POST", "/api/v1/updates", update)))
                << person.what << " to " << company;
        }
    }
}

class Explain : public Parity {};

TEST_F(Explain, NamesTheRuleThatDecided) {
    const auto why = [&](Login login, const char* query) {
        login.permissions.emplace_back("permissions:explain");
        return rest(login, "GET", std::string("/api/v1/permissions/explain?") + query);
    };
    EXPECT_EQ(why(login_of({"", {"updates:send"}}), "action=updates.send"),
              R"({"action":"updates.send","allowed":true,"permission":"updates:send",)"
              R"("rule":{"kind":"literal","grant":"updates:send","from":"token"}})");
    EXPECT_EQ(why(login_of({"", {}, {"seller"}}), "action=updates.send"),
              R"({"action":"updates.send","allowed":true,"permission":"updates:send",)"
              R"("rule":{"kind":"wildcard","grant":"updates:*","from":"role","role":"seller"}})");
    EXPECT_EQ(why(login_of({""}), "action=updates.send"),
              R"({"action":"updates.send","allowed":false,"permission":"updates:send",)"
              R"("rule":{"kind":"not_claimed"}})");
    EXPECT_EQ(why(login_of({"", {"*"}}), "action=needs.admin"),
              R"({"action":"needs.admin","allowed":false,"permission":"admin",)"
              R"("rule":{"kind":"no_wildcard"}})");
    EXPECT_EQ(why(login_of({""}), "action=echo"),
              R"({"action":"echo","allowed":true,"permission":null,)"
              R"("rule":{"kind":"nothing_needed"}})");
    EXPECT_EQ(why(login_of({"", {}, {}, {{"a*"}}}), "artifact=a%3A1"),
              R"({"artifact":"a:1","allowed":true,"permission":"artifact:a%3A1:watch",)"
              R"("rule":{"kind":"artifacts_claim","grant":"a*","from":"token"}})");
    EXPECT_EQ(why(login_of({""}), "artifact=a"),
              R"({"artifact":"a","allowed":true,"permission":"artifact:a:watch",)"
              R"("rule":{"kind":"company"}})");
}

TEST_F(Explain, NeedsItsPermissionAndOneQuestion) {
    const Login nobody = login_of({""}), asker = login_of({"", {"permissions:*"}});
    const auto ask = [&](const Login& login, const char* query) {
        return outcome(rest(login, "GET", std::string("/api/v1/permissions/explain") + query));
    };
    EXPECT_EQ(ask(nobody, "?action=echo"), "FORBIDDEN");
    EXPECT_EQ(ask(asker, "?action=echo"), "allowed");
    EXPECT_EQ(ask(asker, ""), "INVALID_MESSAGE");
    EXPECT_EQ(ask(asker, "?action=echo&artifact=a"), "INVALID_MESSAGE");
    EXPECT_EQ(ask(asker, "?artifact=a%20b"), "INVALID_MESSAGE");
    EXPECT_EQ(ask(asker, "?action=nobody.knows"), "ACTION_NOT_FOUND");
}

}  // namespace
}  // namespace signalbox::api
