#include <gtest/gtest.h>

#include <stdexcept>

#include "signalbox/socketio.h"

/// What the program itself can do wrong or late; what clients see is in
/// tests/integration/library.test.mjs.
namespace signalbox::io {
namespace {

TEST(Server, ListensOnAPortOfTheKernelsChoiceUntilItIsClosed) {
    Server server({.shards = 2});
    const auto port = server.listen(0);
    ASSERT_TRUE(port.has_value());
    EXPECT_GT(*port, 0);
    Server second;
    const auto taken = second.listen(*port);
    ASSERT_FALSE(taken.has_value());
    EXPECT_NE(taken.error().find(std::to_string(*port)), std::string::npos);
    server.close();
    server.close();
    Server third;
    EXPECT_EQ(third.listen(*port), *port);
}

TEST(Server, SaysWhatIsWrongWithItsOptions) {
    EXPECT_THROW(Server({.shards = 0}), std::invalid_argument);
    EXPECT_THROW(Server({.path = "socket.io"}), std::invalid_argument);
    EXPECT_THROW(Server({.http_compression = HttpCompression{0}}), std::invalid_argument);
    for (const Cookie& cookie : {Cookie{.name = ""}, Cookie{.name = "a b"}, Cookie{.path = "/;"},
                                 Cookie{.domain = "a b"}, Cookie{.same_site = SameSite::kNone}}) {
        EXPECT_THROW(Server({.cookie = cookie}), std::invalid_argument) << cookie.name;
    }
    Server without_certificate({.tls = TlsFiles{"/nowhere.pem", "/nowhere.key"}});
    const auto port = without_certificate.listen(0);
    ASSERT_FALSE(port.has_value());
    EXPECT_NE(port.error().find("/nowhere.pem"), std::string::npos);
}

TEST(Server, TakesHandlersOnlyBeforeItListens) {
    Server server;
    Namespace chat = server.of("chat");
    EXPECT_EQ(chat.name(), "/chat");
    ASSERT_TRUE(server.listen(0).has_value());
    EXPECT_THROW(chat.on_connection([](Socket) {}), std::logic_error);
    EXPECT_THROW(server.use([](Socket, const Next& next) { next(); }), std::logic_error);
    EXPECT_THROW(server.on_server_side("x", [](const Args&) {}), std::logic_error);
    EXPECT_THROW((void)server.of("/new"), std::logic_error);
    EXPECT_EQ(server.of("/chat").name(), "/chat");
    EXPECT_THROW((void)server.listen(0), std::logic_error);
}

TEST(Server, HasNamespacesOfAPredicateOnceTheyAreAskedFor) {
    Server server({.shards = 2, .dynamic_namespaces_max = 2});
    ParentNamespace rooms = server.of([](std::string_view name, std::string_view auth) {
        EXPECT_EQ(auth, "{}");
        return name.starts_with("/room-");
    });
    EXPECT_THROW((void)server.of(Server::Predicate()), std::invalid_argument);
    server.of("/room-static");
    ASSERT_TRUE(server.listen(0).has_value());
    EXPECT_THROW(rooms.on_connection([](Socket) {}), std::logic_error);
    EXPECT_EQ(rooms.children().size(), 0U) << "that one has handlers of its own";
    EXPECT_EQ(server.of("room-1").name(), "/room-1");
    EXPECT_TRUE(server.of("/room-1").emit("message"));
    EXPECT_THROW((void)server.of("/other"), std::logic_error);
    EXPECT_EQ(server.of("/room-2").name(), "/room-2");
    EXPECT_THROW((void)server.of("/room-3"), std::logic_error) << "over the maximum";
    EXPECT_EQ(rooms.children().size(), 2U);
    EXPECT_TRUE(rooms.emit("message"));
    server.close();
    EXPECT_FALSE(rooms.emit("message"));
}

TEST(Server, RefusesNamesThatCannotTravel) {
    Server server;
    EXPECT_THROW((void)server.of("/a,b"), std::invalid_argument);
    ASSERT_TRUE(server.listen(0).has_value());
    for (const char* name : {"connect", "connect_error", "disconnect", "disconnecting",
                             "newListener", "removeListener"}) {
        EXPECT_THROW(server.emit(name), std::invalid_argument) << name;
    }
    EXPECT_TRUE(server.emit("message", "1"));
}

TEST(Server, DoesNothingBeforeItListensAndAfterItIsClosed) {
    Server server;
    EXPECT_FALSE(server.emit("message"));
    EXPECT_FALSE(server.fetch_sockets([](auto) { FAIL(); }));
    ASSERT_TRUE(server.listen(0).has_value());
    server.close();
    EXPECT_FALSE(server.emit("message"));
    EXPECT_FALSE(server.fetch_sockets([](auto) { FAIL(); }));
}

TEST(Server, LeavesItsHandlesHarmless) {
    auto server = std::make_unique<Server>();
    const Namespace chat = server->of("/chat");
    ASSERT_TRUE(server->listen(0).has_value());
    server.reset();
    EXPECT_FALSE(chat.to("room").emit("message"));
}

TEST(Server, LetsGoOfItsHandlersAndTheirHandlesWhenItEnds) {
    for (const bool listens : {false, true}) {
        auto held = std::make_shared<int>();
        const std::weak_ptr<int> left = held;
        auto server = std::make_unique<Server>();
        Namespace chat = server->of("/chat");
        chat.on_connection([chat, held](const Socket&) {});
        ParentNamespace rooms = server->of([held](auto, auto) { return false; });
        rooms.use([rooms, held](const Socket&, const Next& next) { next(); });
        held.reset();
        EXPECT_EQ(listens, listens && server->listen(0).has_value());
        server.reset();
        EXPECT_TRUE(left.expired());
        EXPECT_FALSE(chat.fetch_sockets([](auto) { FAIL(); }));
    }
}

TEST(Server, StampsBroadcastsOfItsOwnThreadsAndOthersForRecovery) {
    Server server({.shards = 2, .connection_state_recovery = ConnectionStateRecovery{}});
    EXPECT_FALSE(server.emit("early"));
    ASSERT_TRUE(server.listen(0).has_value());
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(server.to("nobody").emit("message", "1"));
}

}  // namespace
}  // namespace signalbox::io
