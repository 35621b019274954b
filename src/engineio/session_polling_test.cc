#include <gtest/gtest.h>

#include "engineio/server_fixture.h"

namespace signalbox::engineio {
namespace {

using namespace testing;
using namespace std::string_literals;

class Polling : public ::testing::Test, protected ServerFixture {
protected:
    Polling() : ServerFixture({.payload_bytes_max = 100, .outbound_bytes_max = 1000}) {}

    void expect_gone(const std::string& sid, CloseReason reason) {
        EXPECT_EQ(last_heard().closed, std::vector{reason});
        EXPECT_EQ(server_.session_count(), 0U);
        EXPECT_EQ(refusal_code(*get(sid)), 1);
        advance(Milliseconds(2));
        EXPECT_TRUE(last_heard().destroyed);
    }
    /// Messages that are 100 bytes in the queue, one every `pause`. @return how many.
    int send_until_closed(Milliseconds pause) {
        int sent = 0;
        for (; last_session().open() && sent < 100; ++sent) {
            last_session().send(MessageKind::kText, std::string(92, 'x'));
            advance(pause);
        }
        return sent;
    }
    std::string sid_ = open_polling();
};

TEST_F(Polling, HoldsAGetUntilThereIsSomethingToSend) {
    const auto held = get(sid_);
    EXPECT_TRUE(held->pending());
    EXPECT_TRUE(last_session().writable());
    last_session().send(MessageKind::kText, "hello");
    EXPECT_EQ(held->body(), "4hello");
    EXPECT_EQ(held->response->headers.find("content-type"), "text/plain; charset=UTF-8");
    EXPECT_EQ(held->response->headers.find("cache-control"), "no-store");
    EXPECT_TRUE(held->destroyed);
    EXPECT_FALSE(last_session().writable());
}

TEST_F(Polling, AnswersAGetWithAllThatIsQueued) {
    last_session().send(MessageKind::kText, "a");
    last_session().send(MessageKind::kBinary, "\1\2\3");
    last_session().send(MessageKind::kText, "b");
    EXPECT_GT(last_session().buffered_bytes(), 4U);
    EXPECT_EQ(get(sid_)->body(),
              "4a\x1E"
              "bAQID\x1E"
              "4b");
    EXPECT_EQ(last_session().buffered_bytes(), 0U);
    EXPECT_TRUE(get(sid_)->pending());
}

TEST_F(Polling, HandsThePacketsOfAPostToTheHandler) {
    const auto posted = post(sid_,
                             "4hi\x1E"
                             "bAQID\x1E"
                             "4");
    EXPECT_EQ(posted->status(), 200);
    EXPECT_EQ(posted->body(), "ok");
    EXPECT_EQ(posted->response->headers.find("content-type"), "text/html");
    EXPECT_EQ(last_heard().messages, (std::vector<FakeMessage>{{MessageKind::kText, "hi"},
                                                               {MessageKind::kBinary, "\1\2\3"},
                                                               {MessageKind::kText, ""}}));
}

TEST_F(Polling, AnswersTheHeldGetOnceForAllThatAPostCauses) {
    app_.on_message = [](Session& session, std::string_view message) {
        session.send(MessageKind::kText, "re:" + std::string(message));
        session.send(MessageKind::kText, "also");
    };
    const auto held = get(sid_);
    EXPECT_EQ(post(sid_,
                   "4a\x1E"
                   "4b")
                  ->body(),
              "ok");
    EXPECT_EQ(held->body(),
              "4re:a\x1E"
              "4also\x1E"
              "4re:b\x1E"
              "4also");
}

class CompressedPolling : public ::testing::Test, protected ServerFixture {
protected:
    std::shared_ptr<ExchangeRecord> poll(const std::string& accepted) {
        HttpRequest asked = make_request("GET", polling(sid_));
        if (!accepted.empty()) asked.headers.add("Accept-Encoding", accepted);
        return exchange(server_, std::move(asked));
    }
    static std::string coding_of(const ExchangeRecord& record) {
        return std::string(record.response->headers.find("Content-Encoding").value_or("none"));
    }
    static bool varies(const ExchangeRecord& record) {
        return record.response->headers.find("Vary") == "Accept-Encoding";
    }
    /// The answer to a GET that finds one message, of `size` bytes with its type digit.
    std::shared_ptr<ExchangeRecord> poll_for(std::size_t size, const std::string& accepted) {
        last_session().send(MessageKind::kText, std::string(size - 1, 'x'));
        return poll(accepted);
    }
    std::string sid_ = open_polling();
};

TEST_F(CompressedPolling, CompressesFromTheThresholdOnForThoseWhoAsk) {
    const auto small = poll_for(1023, "gzip");
    EXPECT_EQ(coding_of(*small), "none");
    EXPECT_FALSE(varies(*small));
    const auto gzip = poll_for(1024, "gzip, deflate, br");
    EXPECT_EQ(coding_of(*gzip), "gzip");
    EXPECT_TRUE(varies(*gzip));
    EXPECT_EQ(gzip->body().substr(0, 3), "\x1F\x8B\x08");
    EXPECT_LT(gzip->body().size(), 100U);
    EXPECT_EQ(gzip->response->headers.find("content-type"), "text/plain; charset=UTF-8");
    const auto deflate = poll_for(1024, "deflate");
    EXPECT_EQ(coding_of(*deflate), "deflate");
    EXPECT_EQ(deflate->body()[0], '\x78');
}

TEST_F(CompressedPolling, NeverCompressesForAClientThatDoesNotAsk) {
    for (const char* accepted : {"", "identity", "br", "gzip;q=0"}) {
        const auto plain = poll_for(5000, accepted);
        EXPECT_EQ(coding_of(*plain), "none") << accepted;
        EXPECT_EQ(plain->body().size(), 5000U);
        EXPECT_TRUE(varies(*plain));
    }
}

TEST_F(CompressedPolling, AnswersHeldGetsByWhatTheyAccepted) {
    const auto gzip = poll("gzip");
    last_session().send(MessageKind::kText, std::string(2000, 'x'));
    EXPECT_EQ(coding_of(*gzip), "gzip");
    const auto plain = poll("");
    last_session().send(MessageKind::kText, std::string(2000, 'x'));
    EXPECT_EQ(coding_of(*plain), "none");
}

TEST_F(CompressedPolling, LeavesWhatWouldGrowAsItIs) {
    std::string noise(3000, '\0');
    random_.fill(std::as_writable_bytes(std::span(noise)));
    last_session().send(MessageKind::kText, noise);
    const auto plain = poll("gzip");
    EXPECT_EQ(coding_of(*plain), "none");
    EXPECT_EQ(plain->body(), "4" + noise);
}

TEST_F(CompressedPolling, CompressesEverythingForThoseWhoTakeNothingElse) {
    EXPECT_EQ(coding_of(*poll_for(2, "gzip, identity;q=0")), "gzip");
}

TEST_F(CompressedPolling, LeavesTheAnswersToPostsAlone) {
    HttpRequest posted = make_request("POST", polling(sid_), "4x");
    posted.headers.add("Accept-Encoding", "gzip, identity;q=0");
    const auto answer = exchange(server_, std::move(posted));
    EXPECT_EQ(answer->body(), "ok");
    EXPECT_EQ(coding_of(*answer), "none");
}

class UncompressedPolling : public ::testing::Test, protected ServerFixture {
protected:
    UncompressedPolling() : ServerFixture({.http_compression_threshold = 0}) {}
};

TEST_F(UncompressedPolling, IsWhatAThresholdOfZeroMeans) {
    HttpRequest asked = make_request("GET", polling(open_polling()));
    asked.headers.add("Accept-Encoding", "gzip");
    last_session().send(MessageKind::kText, std::string(5000, 'x'));
    const auto answer = exchange(server_, std::move(asked));
    EXPECT_EQ(answer->body().size(), 5001U);
    EXPECT_FALSE(answer->response->headers.find("Vary"));
}

TEST_F(Polling, SetsNoCookieUnlessItIsNamed) {
    const auto opened = request("GET", "EIO=4&transport=polling");
    EXPECT_FALSE(opened->response->headers.find("Set-Cookie"));
}

class PollingWithCookie : public ::testing::Test, protected ServerFixture {
protected:
    PollingWithCookie() : ServerFixture({.cookie = {.name = "io"}}) {}
};

TEST_F(PollingWithCookie, SetsItWithTheAnswerToTheHandshakeOnly) {
    const auto opened = request("GET", "EIO=4&transport=polling");
    const std::string sid = sid_in(opened->body());
    EXPECT_EQ(opened->response->headers.find("Set-Cookie"),
              "io=" + sid + "; Path=/; HttpOnly; SameSite=Lax");
    EXPECT_FALSE(post(sid, "4x")->response->headers.find("Set-Cookie"));
    last_session().send(MessageKind::kText, "x");
    EXPECT_FALSE(get(sid)->response->headers.find("Set-Cookie"));
}

TEST(Cookie, SaysWhatItsOptionsSay) {
    EXPECT_EQ(set_cookie({.name = "sb", .path = ""}, "SID"), "sb=SID; HttpOnly; SameSite=Lax");
    EXPECT_EQ(set_cookie({.name = "sb",
                          .path = "/realtime",
                          .domain = "example.com",
                          .max_age = Milliseconds(86'400'000),
                          .http_only = false,
                          .secure = true,
                          .same_site = SameSite::kNone},
                         "SID"),
              "sb=SID; Max-Age=86400; Domain=example.com; Path=/realtime; Secure; SameSite=None");
    EXPECT_TRUE(set_cookie({.name = "a", .same_site = SameSite::kStrict}, "S")
                    .ends_with("; SameSite=Strict"));
}

TEST_F(Polling, ClosesOnOverlappingGets) {
    const auto first = get(sid_);
    const auto second = get(sid_);
    EXPECT_EQ(first->body(), "1");
    EXPECT_EQ(second->status(), 400);
    expect_gone(sid_, CloseReason::kTransportError);
}

TEST_F(Polling, ClosesWhenTheHeldGetIsAborted) {
    const auto held = get(sid_);
    held->abort();
    expect_gone(sid_, CloseReason::kTransportError);
    EXPECT_TRUE(held->destroyed);
}

TEST_F(Polling, IsDeafToAnAbortAfterTheAnswer) {
    const auto held = get(sid_);
    last_session().send(MessageKind::kText, "x");
    held->abort();
    EXPECT_TRUE(last_session().open());
}

TEST_F(Polling, RefusesOctetStreamsAndCloses) {
    for (const char* type : {"application/octet-stream", "Application/Octet-Stream; x=y"}) {
        const std::string sid = open_polling();
        HttpRequest binary = make_request("POST", polling(sid), "4x");
        binary.headers.add("Content-Type", type);
        EXPECT_EQ(exchange(server_, std::move(binary))->status(), 400);
        EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kTransportError});
        EXPECT_TRUE(last_heard().messages.empty());
    }
}

TEST_F(Polling, TakesBodiesUpToTheMaximumAndSurvivesLargerOnes) {
    EXPECT_EQ(post(sid_, "4" + std::string(98, 'x'))->status(), 200);
    EXPECT_EQ(post(sid_, "4" + std::string(99, 'x'))->status(), 200);
    EXPECT_EQ(post(sid_, "4" + std::string(100, 'x'))->status(), 413);
    EXPECT_EQ(last_heard().messages.size(), 2U);
    EXPECT_TRUE(last_session().open());
    EXPECT_EQ(post(sid_, "4x")->body(), "ok");
}

TEST_F(Polling, AnswersOkToABadPayloadAndThenEnds) {
    for (const std::string& bad : {""s, "4a\x1E"s, "7"s, "x"s, "b*"s, "4\xFF"s}) {
        const std::string sid = open_polling();
        const auto held = get(sid);
        const auto posted = post(sid, bad);
        EXPECT_EQ(posted->status(), 200) << bad;
        EXPECT_EQ(posted->body(), "ok");
        EXPECT_EQ(held->body(), "1");
        EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kParseError});
        EXPECT_EQ(last_heard().messages.size(), bad.starts_with("4a") ? 1U : 0U);
        EXPECT_EQ(refusal_code(*get(sid)), 1);
    }
}

TEST_F(Polling, StopsReadingAPayloadWhenTheHandlerCloses) {
    app_.on_message = [](Session& session, std::string_view) {
        session.send(MessageKind::kText, "bye");
        session.close(CloseReason::kForcedClose);
    };
    const auto held = get(sid_);
    EXPECT_EQ(post(sid_,
                   "4a\x1E"
                   "4b")
                  ->body(),
              "ok");
    EXPECT_EQ(last_heard().messages.size(), 1U);
    EXPECT_EQ(held->body(), "4bye")
        << "the stock client drops what shares a payload with the close";
    EXPECT_EQ(get(sid_)->body(), "1");
    expect_gone(sid_, CloseReason::kForcedClose);
}

TEST_F(Polling, AnswersOtherMethodsWithAnErrorAndStays) {
    for (const char* method : {"PUT", "DELETE", "HEAD", "OPTIONS"}) {
        EXPECT_EQ(request(method, polling(sid_))->status(), 405);
    }
    EXPECT_TRUE(last_session().open());
}

TEST_F(Polling, ReleasesTheHeldGetWithANoopWhenTheClientCloses) {
    const auto held = get(sid_);
    EXPECT_EQ(post(sid_, "1")->body(), "ok");
    EXPECT_EQ(held->body(), "6");
    expect_gone(sid_, CloseReason::kTransportClose);
}

TEST_F(Polling, IgnoresWhatFollowsAClientsClose) {
    post(sid_,
         "4a\x1E"
         "1\x1E"
         "4b");
    EXPECT_EQ(last_heard().messages.size(), 1U);
}

TEST_F(Polling, ClosesOnAClientsPing) {
    post(sid_, "2");
    expect_gone(sid_, CloseReason::kTransportError);
}

TEST_F(Polling, IgnoresPacketsThatAreNotForTheServer) {
    for (const char* packet : {"0", "0{}", "5", "6", "3", "3probe"}) {
        EXPECT_EQ(post(sid_, packet)->body(), "ok");
        EXPECT_TRUE(last_session().open()) << packet;
    }
}

TEST_F(Polling, AnswersTheHeldGetWhenTheServerCloses) {
    const auto held = get(sid_);
    last_session().close(CloseReason::kForcedClose);
    EXPECT_EQ(held->body(), "1");
    expect_gone(sid_, CloseReason::kForcedClose);
}

TEST_F(Polling, KeepsAServersCloseForTheNextGet) {
    last_session().send(MessageKind::kText, "last");
    last_session().close(CloseReason::kForcedClose);
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kForcedClose});
    EXPECT_EQ(server_.session_count(), 0U);
    EXPECT_EQ(server_.find(sid_), nullptr);
    advance(Milliseconds(29'900));
    EXPECT_TRUE(last_heard().destroyed);
    EXPECT_EQ(post(sid_, "4late")->body(), "ok");
    EXPECT_TRUE(last_heard().messages.empty());
    EXPECT_EQ(server_.unfinished_count(), 1U);
    EXPECT_EQ(get(sid_)->body(), "4last");
    EXPECT_EQ(get(sid_)->body(), "1");
    EXPECT_EQ(server_.unfinished_count(), 0U);
    EXPECT_EQ(refusal_code(*get(sid_)), 1);
    EXPECT_EQ(last_heard().closed.size(), 1U);
}

TEST_F(Polling, ForgetsAServersCloseAfterHalfAMinute) {
    last_session().close(CloseReason::kForcedClose);
    advance(Milliseconds(30'000));
    EXPECT_EQ(refusal_code(*get(sid_)), 1);
}

TEST_F(Polling, IgnoresSendsAndClosesAfterTheEnd) {
    app_.on_message = [](Session& session, std::string_view) {
        session.close(CloseReason::kForcedClose);
        session.close(CloseReason::kSlowConsumer);
        session.send(MessageKind::kText, "too late");
        EXPECT_FALSE(session.writable());
    };
    post(sid_, "4x");
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kForcedClose});
    EXPECT_EQ(get(sid_)->body(), "1");
}

TEST_F(Polling, ClosesASlowConsumerAfterItsLastWord) {
    app_.on_slow = [](Session& session) {
        session.send(MessageKind::kText, "last word " + std::string(1000, '!'));
    };
    EXPECT_EQ(send_until_closed(Milliseconds(1)), 11);
    EXPECT_EQ(last_heard().slow, 1);
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kSlowConsumer});
    const std::string payload = get(sid_)->body();
    EXPECT_EQ(std::count(payload.begin(), payload.end(), 'x'), 920);
    EXPECT_TRUE(payload.ends_with("!"));
    EXPECT_EQ(get(sid_)->body(), "1");
}

TEST_F(Polling, LetsOneTurnQueueMoreThanTheClientCanHaveFetched) {
    EXPECT_EQ(send_until_closed(Milliseconds(0)), 41);
}

TEST_F(Polling, AnswersTheHeldGetBeforeItCallsTheClientSlow) {
    app_.on_message = [](Session& session, std::string_view) {
        for (int i = 0; i < 12; ++i) session.send(MessageKind::kText, std::string(92, 'x'));
    };
    const auto held = get(sid_);
    post(sid_, "4x");
    EXPECT_TRUE(last_session().open());
    EXPECT_EQ(held->body().size(), 10 * 94U - 1);
    EXPECT_EQ(get(sid_)->body().size(), 2 * 94U - 1);
}

TEST_F(Polling, TakesOneMessageOverTheBoundWhenNothingWaits) {
    last_session().send(MessageKind::kText, std::string(2000, 'x'));
    EXPECT_TRUE(last_session().open());
    EXPECT_EQ(get(sid_)->body().size(), 2001U);
}

}  // namespace
}  // namespace signalbox::engineio
