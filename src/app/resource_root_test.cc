#include "app/resource_root.h"

#include <gtest/gtest.h>

#include <fstream>

#include "storage/test_support.h"

namespace signalbox::app {
namespace {

namespace fs = std::filesystem;

class ResourceRoot : public ::testing::Test {
protected:
    /// A root whose "tests" leads nowhere but to itself: looking into it is an error, for every
    /// user.
    fs::path unsearchable() {
        const fs::path root = folder_.path() / "unsearchable";
        fs::create_directory(root);
        fs::create_symlink("tests", root / "tests");
        return root;
    }
    fs::path with_page(const char* name) {
        const fs::path root = folder_.path() / name;
        fs::create_directories(root / "tests");
        std::ofstream(root / "tests/page.html") << "page";
        return root;
    }

    storage::TempFolder folder_;
};

TEST_F(ResourceRoot, IsTheFirstThatHasTheFile) {
    const fs::path candidates[] = {folder_.path() / "none", with_page("a"), with_page("b")};
    EXPECT_EQ(find_resource_root(candidates, "tests/page.html"), candidates[1]);
}

TEST_F(ResourceRoot, PassesOverAFolderThatCannotBeSearched) {
    const fs::path candidates[] = {unsearchable(), with_page("a")};
    EXPECT_EQ(find_resource_root(candidates, "tests/page.html"), candidates[1]);
}

TEST_F(ResourceRoot, IsTheFirstCandidateWhenNoneHasTheFile) {
    const fs::path candidates[] = {unsearchable(), folder_.path() / "none"};
    EXPECT_EQ(find_resource_root(candidates, "tests/page.html"), candidates[0]);
}

}  // namespace
}  // namespace signalbox::app
