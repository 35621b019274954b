#include "auth/base64url.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace signalbox::auth {
namespace {

TEST(Base64url, EncodesTheVectorsOfRfc4648WithoutPadding) {
    EXPECT_EQ(base64url_encode(""), "");
    EXPECT_EQ(base64url_encode("f"), "Zg");
    EXPECT_EQ(base64url_encode("fo"), "Zm8");
    EXPECT_EQ(base64url_encode("foo"), "Zm9v");
    EXPECT_EQ(base64url_encode("foobar"), "Zm9vYmFy");
    EXPECT_EQ(base64url_encode("\xff\xef\xbe"), "_---");
}

TEST(Base64url, DecodesWhatItEncodesAtEveryLength) {
    SeededRandom random(3);
    for (std::size_t length = 0; length < 100; ++length) {
        std::string bytes(length, '\0');
        random.fill(std::as_writable_bytes(std::span(bytes)));
        ASSERT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
    }
}

TEST(Base64url, RefusesEverySpellingButTheCanonicalOne) {
    for (const char* text : {"Zg==", "Zg=", "Zm9v\n", " Zm9v", "Zm9+", "Zm9/", "Z", "Zm9vY", "Zh",
                             "Zm9", "Zm9v.", "Zm\xc3\xa4"}) {
        EXPECT_EQ(base64url_decode(text), std::nullopt) << text;
    }
    EXPECT_EQ(base64url_decode(std::string_view("Zm9\0", 4)), std::nullopt);
}

}  // namespace
}  // namespace signalbox::auth
