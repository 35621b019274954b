#include <gtest/gtest.h>

#include <stdexcept>

#include "signalbox/socketio.h"

namespace signalbox::io {
namespace {

using Values = std::vector<std::string>;

TEST(Args, KeepJsonByteForByte) {
    const Args args(R"( "a" ,1.50,{"x" : [true]})");
    EXPECT_EQ(args.json(), R"( "a" ,1.50,{"x" : [true]})");
    EXPECT_EQ(args.values(), (Values{R"("a")", "1.50", R"({"x" : [true]})"}));
    EXPECT_EQ(Args().values(), Values{});
}

TEST(Args, RefuseWhatIsNotAListOfValues) {
    for (const char* json : {"a", "1,", ",1", "1 2", "[", "1],[2", "]", "{", R"("\ud800")", "\xff"})
        EXPECT_THROW(Args{json}, std::invalid_argument) << json;
    EXPECT_THROW(Args().add_json("1,2"), std::invalid_argument);
    EXPECT_THROW(Args().add_json(""), std::invalid_argument);
}

TEST(Args, ArePutTogetherPieceByPiece) {
    const Args args =
        Args("1").add_string("\"x\"\n").add_binary("b0").add_json("[2]").add_binary("b1");
    EXPECT_EQ(args.json(), R"(1,"\"x\"\n",{"_placeholder":true,"num":0},[2],)"
                           R"({"_placeholder":true,"num":1})");
    EXPECT_EQ(args.attachments(), (Values{"b0", "b1"}));
}

TEST(Args, GiveStringsWithoutTheirEscapes) {
    const Args args(R"("a\"\u00e9", 1, ["x"])");
    EXPECT_EQ(args.string_at(0), "a\"\u00e9");
    EXPECT_EQ(args.string_at(1), std::nullopt);
    EXPECT_EQ(args.string_at(2), std::nullopt);
    EXPECT_EQ(args.string_at(3), std::nullopt);
}

TEST(Handshake, IsSearchedByName) {
    Handshake handshake;
    handshake.headers = {{"X-Test", "1"}, {"x-test", "2"}};
    handshake.query = {{"a", "1"}, {"A", "2"}};
    EXPECT_EQ(handshake.header("x-TEST"), "1");
    EXPECT_EQ(handshake.header("other"), std::nullopt);
    EXPECT_EQ(handshake.query_value("A"), "2");
    EXPECT_EQ(handshake.query_value("b"), std::nullopt);
}

}  // namespace
}  // namespace signalbox::io
