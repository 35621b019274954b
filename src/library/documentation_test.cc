#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace signalbox {
namespace {

std::string text_of(const std::string& path) {
    std::ifstream file(std::string(SIGNALBOX_SOURCE_DIR) + '/' + path);
    EXPECT_TRUE(file.good()) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(SocketioServerPage, ShowsTheExampleThatIsBuilt) {
    EXPECT_NE(text_of("docs/socketio-server.md").find(text_of("examples/chat.cc")),
              std::string::npos);
}

TEST(EmbeddingPage, ShowsTheExampleThatIsBuilt) {
    EXPECT_NE(text_of("docs/embedding.md").find(text_of("examples/embedded.cc")),
              std::string::npos);
}

}  // namespace
}  // namespace signalbox
