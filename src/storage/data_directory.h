#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "base/random.h"

namespace signalbox::storage {

/// The folder that one running server owns (`data.dir`): its database, its secret, its control
/// socket. Held by an exclusive lock on the file `lock`, which carries the holder's process id; the
/// kernel lets go of it when the process ends, however it ends.
///
/// Ownership: owns the lock until destroyed; leaves all files.
class DataDirectory {
public:
    /// Creates the directory (mode 0700; its parents as needed) and takes the lock.
    /// @return "var is in use by process 123", or "cannot create var: …", "cannot lock var: …".
    [[nodiscard]] static std::expected<DataDirectory, std::string> open(std::filesystem::path path);
    DataDirectory(DataDirectory&& other) noexcept
        : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}
    DataDirectory& operator=(DataDirectory&&) = delete;
    ~DataDirectory();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::filesystem::path file(std::string_view name) const { return path_ / name; }

    /// The secret in `dev-secret`; at the first call it is made of 48 random bytes in base64url (64
    /// characters, mode 0600). @return "cannot read var/dev-secret: …", or that it is too short.
    [[nodiscard]] std::expected<std::string, std::string> dev_secret(Random& random) const;

private:
    DataDirectory(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

    std::filesystem::path path_;
    int lock_;
};

}  // namespace signalbox::storage
