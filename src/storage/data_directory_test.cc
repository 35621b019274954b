#include "storage/data_directory.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "storage/test_support.h"

namespace signalbox::storage {
namespace {

unsigned mode_of(const std::filesystem::path& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 0777;
}

std::string refusal(const std::filesystem::path& path) {
    const auto opened = DataDirectory::open(path);
    return opened ? "opened" : opened.error();
}

class DataDirectoryTest : public testing::Test {
protected:
    TempFolder folder;
    std::filesystem::path path = folder.path() / "deep" / "var";
    SeededRandom random{1};
};

TEST_F(DataDirectoryTest, MakesAPrivateFolderWithItsParents) {
    const auto directory = DataDirectory::open(path);
    ASSERT_TRUE(directory.has_value()) << directory.error();
    EXPECT_EQ(mode_of(path), 0700U);
    EXPECT_EQ(directory->file("signalbox.db"), path / "signalbox.db");
}

TEST_F(DataDirectoryTest, NamesTheProcessThatHoldsIt) {
    const auto held = DataDirectory::open(path);
    ASSERT_TRUE(held.has_value());
    EXPECT_EQ(refusal(path), fmt::format("{} is in use by process {}", path.string(), ::getpid()));
}

TEST_F(DataDirectoryTest, IsFreeAgainAfterItsHolder) {
    {
        ASSERT_TRUE(DataDirectory::open(path).has_value());
    }
    auto first = DataDirectory::open(path);
    ASSERT_TRUE(first.has_value()) << first.error();
    const DataDirectory moved(std::move(*first));
    EXPECT_NE(refusal(path), "opened");
}

TEST_F(DataDirectoryTest, IsFreeAgainWhenItsHolderIsKilled) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto held = DataDirectory::open(path);
        if (held) static_cast<void>(!::write(ready[1], "x", 1));
        ::pause();
        ::_exit(0);
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    EXPECT_EQ(refusal(path), fmt::format("{} is in use by process {}", path.string(), child));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    EXPECT_EQ(refusal(path), "opened");
}

TEST_F(DataDirectoryTest, SaysWhyItCannotBeMade) {
    std::ofstream(folder.file("file")) << "x";
    const std::string under = folder.file("file/var"), itself = folder.file("file");
    EXPECT_EQ(refusal(under), "cannot create " + under + ": Not a directory");
    EXPECT_EQ(refusal(itself), "cannot lock " + itself + ": Not a directory");
}

TEST_F(DataDirectoryTest, MakesTheDevelopmentSecretOnce) {
    const auto directory = DataDirectory::open(path);
    const auto secret = directory->dev_secret(random);
    ASSERT_TRUE(secret.has_value()) << secret.error();
    EXPECT_EQ(secret->size(), 64U);
    EXPECT_EQ(directory->dev_secret(random), *secret);
    EXPECT_EQ(mode_of(path / "dev-secret"), 0600U);
    EXPECT_FALSE(std::filesystem::exists(path / "dev-secret.new"));
}

TEST_F(DataDirectoryTest, TakesASecretThatSomebodyPutThere) {
    const auto directory = DataDirectory::open(path);
    std::ofstream(path / "dev-secret") << std::string(40, 'k') << "\n";
    EXPECT_EQ(directory->dev_secret(random), std::string(40, 'k'));
}

TEST_F(DataDirectoryTest, RefusesASecretThatIsTooShortOrUnreadable) {
    const auto directory = DataDirectory::open(path);
    std::ofstream(path / "dev-secret") << std::string(31, 'k') << "\n";
    EXPECT_EQ(directory->dev_secret(random).error(),
              (path / "dev-secret").string() +
                  " holds fewer than 32 characters; delete it and a new one is made");
    std::filesystem::remove(path / "dev-secret");
    std::filesystem::create_directory(path / "dev-secret");
    EXPECT_EQ(directory->dev_secret(random).error(),
              "cannot read " + (path / "dev-secret").string() + ": Is a directory");
}

}  // namespace
}  // namespace signalbox::storage
