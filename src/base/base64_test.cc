#include "base/base64.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace signalbox {
namespace {

std::string encode(std::string_view bytes) {
    std::string out;
    append_base64(out, bytes);
    return out;
}

std::string random_bytes(SeededRandom& random, std::size_t size) {
    std::string bytes(size, '\0');
    random.fill(std::as_writable_bytes(std::span(bytes)));
    return bytes;
}

TEST(Base64, EncodesTheExamplesOfItsRfc) {
    const std::pair<const char*, const char*> examples[] = {{"", ""},
                                                            {"f", "Zg=="},
                                                            {"fo", "Zm8="},
                                                            {"foo", "Zm9v"},
                                                            {"foob", "Zm9vYg=="},
                                                            {"fooba", "Zm9vYmE="},
                                                            {"foobar", "Zm9vYmFy"},
                                                            {"\xff\xef\xbe", "/+++"}};
    for (const auto& [bytes, text] : examples) {
        EXPECT_EQ(encode(bytes), text);
        EXPECT_EQ(base64_decode(text), bytes);
    }
}

TEST(Base64, AppendsToWhatIsThere) {
    std::string out = "b";
    append_base64(out, "foob");
    EXPECT_EQ(out, "bZm9vYg==");
}

TEST(Base64, DecodesWhatItEncodesAtEveryLength) {
    SeededRandom random(3);
    for (std::size_t size = 0; size < 100; ++size) {
        const std::string bytes = random_bytes(random, size);
        EXPECT_EQ(base64_decode(encode(bytes)), bytes);
        EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
    }
}

TEST(Base64, TakesTextWithoutPaddingAndWithSurplusBits) {
    EXPECT_EQ(base64_decode("Zg"), "f");
    EXPECT_EQ(base64_decode("Zm8"), "fo");
    EXPECT_EQ(base64_decode("Zh=="), "f");
    EXPECT_EQ(base64_decode("Zm9"), "fo");
}

TEST(Base64, RefusesForeignCharactersAndLengths) {
    for (const char* bad : {"A", "AAAAA", "A===", "====", "AA=A", "AA-_", "A A ", "AA==AAAA", "=",
                            "AA=", "A=", "\xff\xff\xff\xff"}) {
        EXPECT_EQ(base64_decode(bad), std::nullopt) << bad;
    }
}

TEST(Base64, RefusesAForeignCharacterWhereverItStands) {
    for (std::size_t size = 2; size < 20; ++size) {
        if (size % 4 == 1) continue;
        for (std::size_t at = 0; at < size; ++at) {
            for (const char foreign : {'\0', '*', '~', '\x80', '\xff'}) {
                std::string text(size, 'A');
                text[at] = foreign;
                EXPECT_EQ(base64_decode(text), std::nullopt) << size << " " << at;
                EXPECT_EQ(base64url_decode(text), std::nullopt) << size << " " << at;
            }
        }
    }
}

TEST(Base64url, EncodesTheVectorsOfRfc4648WithoutPadding) {
    EXPECT_EQ(base64url_encode(""), "");
    EXPECT_EQ(base64url_encode("f"), "Zg");
    EXPECT_EQ(base64url_encode("fo"), "Zm8");
    EXPECT_EQ(base64url_encode("foo"), "Zm9v");
    EXPECT_EQ(base64url_encode("foobar"), "Zm9vYmFy");
    EXPECT_EQ(base64url_encode("\xff\xef\xbe"), "_---");
}

TEST(Base64url, RefusesEverySpellingButTheCanonicalOne) {
    for (const char* text : {"Zg==", "Zg=", "Zm9v\n", " Zm9v", "Zm9+", "Zm9/", "Z", "Zm9vY", "Zh",
                             "Zm9", "Zm9v.", "Zm\xc3\xa4"}) {
        EXPECT_EQ(base64url_decode(text), std::nullopt) << text;
    }
    EXPECT_EQ(base64url_decode(std::string_view("Zm9\0", 4)), std::nullopt);
}

}  // namespace
}  // namespace signalbox
