#include "websocket/extensions.h"

#include <gtest/gtest.h>

namespace signalbox::websocket {
namespace {

std::optional<std::vector<ExtensionOffer>> parse(std::vector<std::string_view> fields) {
    return parse_extensions(fields);
}

/// The answer to `field`; "none" when it is declined, "malformed" when it must fail the handshake.
std::string answer_to(std::string_view field) {
    const auto offers = parse({field});
    if (!offers) return "malformed";
    const auto agreement = negotiate_deflate(*offers);
    return agreement ? deflate_answer(*agreement) : "none";
}

constexpr std::string_view kPlain =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

std::string with_window(int bits) {
    return std::string(kPlain) + "; server_max_window_bits=" + std::to_string(bits);
}

TEST(Extensions, ReadsNamesParametersAndValues) {
    const auto offers = parse({R"(foo; a; b=1;c="x-y" , bar)", "baz;d=\"\\1\\5\""});
    ASSERT_TRUE(offers);
    ASSERT_EQ(offers->size(), 3U);
    EXPECT_EQ((*offers)[0].name, "foo");
    ASSERT_EQ((*offers)[0].parameters.size(), 3U);
    EXPECT_EQ((*offers)[0].parameters[0].name, "a");
    EXPECT_EQ((*offers)[0].parameters[0].value, std::nullopt);
    EXPECT_EQ((*offers)[0].parameters[1].value, "1");
    EXPECT_EQ((*offers)[0].parameters[2].value, "x-y");
    EXPECT_EQ((*offers)[1].name, "bar");
    EXPECT_EQ((*offers)[2].parameters[0].value, "15");
}

TEST(Extensions, SkipsEmptyElements) {
    EXPECT_EQ(parse({"", " ,, foo ,\t, bar,"})->size(), 2U);
    EXPECT_TRUE(parse({})->empty());
}

TEST(Extensions, RefusesBrokenGrammar) {
    for (const char* field : {";", "foo;", "foo; ;a", "foo bar", "foo=1", "foo; a=", "foo; a=,bar",
                              "foo; a=\"\"", "foo; a=\"x", "foo; a=\"x y\"", "foo; a=\"x\"y", "=",
                              "foo; a=\"x\\", "foo; =1", "f\xC3\xB6", "foo; a b", "(foo)"}) {
        EXPECT_FALSE(parse({field})) << field;
    }
    EXPECT_FALSE(parse({std::string_view("foo\0", 4)}));
    EXPECT_FALSE(parse({"foo", "bar;"})) << "the second field counts";
}

// RFC 7692 section 7.1: every parameter with, without and with a wrong value.
TEST(DeflateNegotiation, AnswersWhatTheOfferAllows) {
    EXPECT_EQ(answer_to("permessage-deflate"), kPlain);
    EXPECT_EQ(answer_to("permessage-deflate; server_no_context_takeover"), kPlain);
    EXPECT_EQ(answer_to("permessage-deflate; client_no_context_takeover"), kPlain);
    EXPECT_EQ(answer_to("permessage-deflate; client_max_window_bits"), kPlain);
    EXPECT_EQ(answer_to("permessage-deflate; client_max_window_bits=8"), kPlain);
    EXPECT_EQ(answer_to("permessage-deflate; client_max_window_bits=15"), kPlain);
    EXPECT_EQ(answer_to("permessage-deflate; client_max_window_bits=\"10\""), kPlain);
    EXPECT_EQ(answer_to("permessage-deflate; server_max_window_bits=9"), with_window(9));
    EXPECT_EQ(answer_to("permessage-deflate; server_max_window_bits=\"15\""), with_window(15));
    EXPECT_EQ(answer_to("permessage-deflate; server_no_context_takeover; server_max_window_bits=12;"
                        "client_max_window_bits;client_no_context_takeover"),
              with_window(12));
}

TEST(DeflateNegotiation, DeclinesOffersItCannotAccept) {
    for (const char* parameters :
         {"server_max_window_bits=8", "server_max_window_bits", "server_max_window_bits=7",
          "server_max_window_bits=16", "server_max_window_bits=09", "server_max_window_bits=1",
          "server_max_window_bits=100", "server_max_window_bits=x", "client_max_window_bits=7",
          "client_max_window_bits=16", "client_max_window_bits=08", "client_max_window_bits=a",
          "server_no_context_takeover=1", "client_no_context_takeover=true", "unknown",
          "Server_no_context_takeover", "server_no_context_takeover; server_no_context_takeover",
          "client_max_window_bits; client_max_window_bits=10",
          "server_max_window_bits=10; server_max_window_bits=10"}) {
        EXPECT_EQ(answer_to("permessage-deflate; " + std::string(parameters)), "none")
            << parameters;
    }
    EXPECT_EQ(answer_to("x-webkit-deflate-frame"), "none");
    EXPECT_EQ(answer_to("permessage-bzip2, permessage-snappy"), "none");
    EXPECT_EQ(answer_to(""), "none");
}

TEST(DeflateNegotiation, TakesTheFirstAcceptableOfSeveralOffers) {
    EXPECT_EQ(answer_to("other, permessage-deflate; server_max_window_bits=8, "
                        "permessage-deflate; server_max_window_bits=11, permessage-deflate"),
              with_window(11));
    const auto offers = parse({"permessage-deflate; mystery", "permessage-deflate"});
    EXPECT_EQ(negotiate_deflate(*offers), DeflateAgreement{});
}

TEST(DeflateNegotiation, FailsOnlyOnBrokenGrammar) {
    EXPECT_EQ(answer_to("permessage-deflate; server_max_window_bits="), "malformed");
    EXPECT_EQ(answer_to("permessage-deflate; =15"), "malformed");
}

}  // namespace
}  // namespace signalbox::websocket
