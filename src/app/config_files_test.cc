#include "app/config_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "storage/test_support.h"

namespace signalbox::app {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ConfigFiles : public ::testing::Test {
protected:
    ConfigFiles() { std::ofstream(file_) << "x"; }
    [[nodiscard]] std::string path(const std::string& name) const { return folder_.file(name); }

    storage::TempFolder folder_;
    const std::string file_ = folder_.file("file");
};

TEST_F(ConfigFiles, CanBeReadWhenTheyAreThereAndNoFolder) {
    EXPECT_EQ(reading_fault(file_), "");
    EXPECT_EQ(reading_fault("/dev/null"), "");
    EXPECT_EQ(reading_fault("/nowhere/x.pem"),
              "\"/nowhere/x.pem\" cannot be read: No such file or directory");
    EXPECT_THAT(reading_fault("/tmp"), EndsWith("cannot be read: Is a directory"));
}

TEST_F(ConfigFiles, CanBeAppendedToWhenTheyAreThereOrTheirFolderIs) {
    EXPECT_EQ(appending_fault(file_), "");
    EXPECT_EQ(appending_fault("/dev/null"), "");
    EXPECT_EQ(appending_fault(path("new.log")), "");
    EXPECT_EQ(appending_fault("new.log"), "");
    EXPECT_FALSE(std::filesystem::exists(path("new.log"))) << "looking makes nothing";
}

TEST_F(ConfigFiles, CannotBeAppendedToWhereNoFileCanBe) {
    EXPECT_THAT(appending_fault("/tmp"), EndsWith("cannot be written: Is a directory"));
    EXPECT_EQ(appending_fault("/nonexist/x.log"),
              "\"/nonexist/x.log\" cannot be made: \"/nonexist\" is no folder");
    EXPECT_THAT(appending_fault(file_ + "/x.log"), EndsWith("cannot be made: Not a directory"));
    EXPECT_EQ(appending_fault("/proc/x.log"), "\"/proc/x.log\" cannot be made: Permission denied");
    EXPECT_THAT(appending_fault("/proc/cpuinfo"), HasSubstr("cannot be written"));
}

TEST_F(ConfigFiles, HaveAFolderThatIsThereOrCanBeMade) {
    EXPECT_EQ(folder_fault(folder_.path().string()), "");
    EXPECT_EQ(folder_fault(path("a/b/c")), "");
    EXPECT_EQ(folder_fault("var/of/nobody"), "");
    EXPECT_THAT(folder_fault(file_), EndsWith("is no folder"));
    EXPECT_THAT(folder_fault(file_ + "/var"), EndsWith("cannot be made: Not a directory"));
    EXPECT_THAT(folder_fault("/proc/var/x"), EndsWith("cannot be made: Permission denied"));
    EXPECT_FALSE(std::filesystem::exists(path("a"))) << "looking makes nothing";
}

}  // namespace
}  // namespace signalbox::app
