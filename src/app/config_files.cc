#include "app/config_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "app/config_value.h"

namespace signalbox::app {
namespace {

namespace fs = std::filesystem;

std::string cannot(const std::string& path, std::string_view what, int fault) {
    return fmt::format("{} cannot be {}: {}", quote(path), what, std::strerror(fault));
}

bool is_folder(const fs::path& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// Those of the kernel, where root may write everywhere and no file can be made.
bool keeps_no_files(const fs::path& path) {
    struct statfs system{};
    if (::statfs(path.c_str(), &system) != 0) return false;
    return system.f_type == PROC_SUPER_MAGIC || system.f_type == SYSFS_MAGIC;
}

fs::path folder_of(const fs::path& path) {
    const fs::path folder = path.parent_path();
    return folder.empty() ? fs::path(".") : folder;
}

std::string making_fault(const std::string& path, const fs::path& folder) {
    if (!is_folder(folder))
        return fmt::format("{} cannot be made: {} is no folder", quote(path),
                           quote(folder.string()));
    if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
        return cannot(path, "made", errno);
    return keeps_no_files(folder) ? cannot(path, "made", EACCES) : std::string();
}

}  // namespace

std::string absolute_path(const std::string& path) {
    std::error_code lost;
    const fs::path whole = fs::absolute(path, lost);
    return lost ? path : whole.lexically_normal().string();
}

std::string reading_fault(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return cannot(path, "read", errno);
    if (S_ISDIR(status.st_mode)) return cannot(path, "read", EISDIR);
    return ::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0 ? cannot(path, "read", errno)
                                                                      : std::string();
}

std::string appending_fault(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
        if (errno != ENOENT) return cannot(path, "made", errno);
        return making_fault(path, folder_of(path));
    }
    if (S_ISDIR(status.st_mode)) return cannot(path, "written", EISDIR);
    if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0)
        return cannot(path, "written", errno);
    return keeps_no_files(path) ? cannot(path, "written", EACCES) : std::string();
}

std::string folder_fault(const std::string& path) {
    if (is_folder(path))
        return ::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) != 0
                   ? cannot(path, "written", errno)
                   : "";
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0) return fmt::format("{} is no folder", quote(path));
    if (errno != ENOENT) return cannot(path, "made", errno);
    fs::path above = folder_of(path);
    while (::stat(above.c_str(), &status) != 0 && errno == ENOENT && above != folder_of(above))
        above = folder_of(above);
    return making_fault(path, above);
}

}  // namespace signalbox::app
