#include "api/static_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "api/testing.h"

namespace signalbox::api {
namespace {

class StaticFilesTest : public ::testing::Test {
protected:
    void SetUp() override {
        std::filesystem::create_directories(folder_);
        std::ofstream(folder_ / "page.html") << "<!doctype html>";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] StaticFiles files() const {
        return StaticFiles(test_client_files({.page_file = folder_ / "page.html",
                                              .form_file = folder_ / "page.html",
                                              .script_file = folder_ / "none.js"}));
    }

    std::filesystem::path folder_ =
        std::filesystem::path(::testing::TempDir()) /
        ("static_files_" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
         ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(StaticFilesTest, ServesThePageWithAPolicyAndAnEtag) {
    const auto answer = files().answer("/test-client", testing::request_of("GET", "/test-client"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "<!doctype html>");
    EXPECT_EQ(answer.headers.find("Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(answer.headers.find("Cache-Control"), "no-cache");
    EXPECT_EQ(answer.headers.find("X-Frame-Options"), "DENY");
    EXPECT_EQ(answer.headers.find("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(answer.headers.find("Referrer-Policy"), "no-referrer");
    EXPECT_TRUE(answer.headers.find("Content-Security-Policy")->starts_with("default-src 'none'"));
}

TEST_F(StaticFilesTest, LetsThePageRunItsOwnScriptsAndReachItsOwnHostOnly) {
    std::ofstream(folder_ / "page.html") << "<script src=\"a.js\"></script><script>abc</script>";
    const auto policy_for = [&](std::string host) {
        HttpRequest request = testing::request_of("GET", "/test-client");
        request.headers.set("Host", std::move(host));
        return std::string(
            *files().answer("/test-client", request).headers.find("Content-Security-Policy"));
    };
    // The SHA-256 of "abc" as FIPS 180-2 has it, in base64.
    EXPECT_NE(
        policy_for("a.test:8080")
            .find("script-src 'self' 'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='; "),
        std::string::npos);
    EXPECT_NE(
        policy_for("a.test:8080").find("connect-src 'self' ws://a.test:8080 wss://a.test:8080; "),
        std::string::npos);
    for (const char* host : {"", "*", "a; script-src *", "a b"})
        EXPECT_NE(policy_for(host).find("connect-src 'self'; "), std::string::npos) << host;
}

TEST_F(StaticFilesTest, AnswersNotModifiedToTheCurrentEtagOnly) {
    const StaticFiles served = files();
    const auto first = served.answer("/test-client", testing::request_of("GET", "/test-client"));
    const std::string etag(*first.headers.find("ETag"));
    const auto again = [&](const std::string& known) {
        return served.answer(
            "/test-client", testing::request_of("GET", "/test-client", {{"If-None-Match", known}}));
    };
    EXPECT_EQ(again("\"old\", W/" + etag).status, 304);
    EXPECT_EQ(again("\"old\", W/" + etag).body, "");
    EXPECT_EQ(again("\"old\"").status, 200);
}

TEST_F(StaticFilesTest, SaysWhatIsMissingWithoutNamingTheDisk) {
    const StaticFiles served = files();
    const std::string path = "/test-client/socket.io.min.js";
    const auto answer = served.answer(path, testing::request_of("GET", path));
    EXPECT_EQ(answer.status, 404);
    EXPECT_NE(answer.body.find(path), std::string::npos);
    EXPECT_EQ(answer.body.find(folder_.string()), std::string::npos);
    EXPECT_EQ(served.missing(), std::vector<std::string>{folder_ / "none.js"});
}

TEST_F(StaticFilesTest, KnowsOnlyItsOwnPaths) {
    EXPECT_TRUE(files().has("/test-client"));
    EXPECT_FALSE(files().has("/test-client/../page.html"));
    EXPECT_FALSE(files().has("/"));
}

}  // namespace
}  // namespace signalbox::api
