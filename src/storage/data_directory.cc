#include "storage/data_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace signalbox::storage {
namespace {

constexpr std::size_t kSecretCharacters = 64;  // 48 bytes
constexpr std::size_t kSecretCharactersMin = 32;

std::unexpected<std::string> refuse(std::string_view doing, const std::filesystem::path& path,
                                    int fault) {
    return std::unexpected(
        fmt::format("cannot {} {}: {}", doing, path.string(), std::strerror(fault)));
}

/// A file descriptor that is closed at the end of its scope.
class OpenFile {
public:
    OpenFile(const std::filesystem::path& path, int flags)
        : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
    ~OpenFile() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

    [[nodiscard]] int get() const { return descriptor_; }
    [[nodiscard]] int release() { return std::exchange(descriptor_, -1); }

private:
    int descriptor_;
};

/// The first bytes of the file, more than any content of ours; nullopt with errno set when it
/// fails.
std::optional<std::string> read_start(int file) {
    char text[256];
    const ssize_t size = ::pread(file, text, sizeof text, 0);
    if (size < 0) return std::nullopt;
    return std::string(text, static_cast<std::size_t>(size));
}

/// Replaces the file's content. @return false with errno set when it fails.
bool write_all(int file, std::string_view text) {
    if (::ftruncate(file, 0) != 0) return false;
    const ssize_t written = ::pwrite(file, text.data(), text.size(), 0);
    if (written < 0) return false;
    if (static_cast<std::size_t>(written) == text.size()) return true;
    errno = ENOSPC;
    return false;
}

std::string trimmed(std::string text) {
    text.erase(text.find_last_not_of(" \t\r\n") + 1);
    return text;
}

/// Through a file of another name, so that a crash leaves the whole secret or none.
int write_secret(const std::filesystem::path& path, std::string_view secret) {
    const std::filesystem::path draft = path.string() + ".new";
    const OpenFile file(draft, O_RDWR | O_CREAT | O_TRUNC);
    const bool written = file.get() >= 0 && ::fchmod(file.get(), 0600) == 0 &&
                         write_all(file.get(), secret) && ::fsync(file.get()) == 0 &&
                         ::rename(draft.c_str(), path.c_str()) == 0;
    return written ? 0 : errno;
}

}  // namespace

std::expected<DataDirectory, std::string> DataDirectory::open(std::filesystem::path path) {
    std::error_code fault;
    if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), fault);
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return refuse("create", path, errno);
    OpenFile lock(path / "lock", O_RDWR | O_CREAT);
    if (lock.get() < 0) return refuse("lock", path, errno);
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return refuse("lock", path, errno);
        const std::string holder = trimmed(read_start(lock.get()).value_or(""));
        return std::unexpected(fmt::format("{} is in use by process {}", path.string(),
                                           holder.empty() ? "(unknown)" : holder));
    }
    if (!write_all(lock.get(), fmt::format("{}\n", ::getpid()))) return refuse("lock", path, errno);
    return DataDirectory(std::move(path), lock.release());
}

DataDirectory::~DataDirectory() {
    if (lock_ >= 0) ::close(lock_);
}

std::expected<std::string, std::string> DataDirectory::dev_secret(Random& random) const {
    const std::filesystem::path path = file("dev-secret");
    const OpenFile existing(path, O_RDONLY);
    if (existing.get() < 0) {
        if (errno != ENOENT) return refuse("read", path, errno);
        std::string secret = random.id(kSecretCharacters);
        if (const int fault = write_secret(path, secret)) return refuse("write", path, fault);
        return secret;
    }
    const auto text = read_start(existing.get());
    if (!text) return refuse("read", path, errno);
    std::string secret = trimmed(*text);
    if (secret.size() >= kSecretCharactersMin) return secret;
    return std::unexpected(
        fmt::format("{} holds fewer than {} characters; delete it and a new one is made",
                    path.string(), kSecretCharactersMin));
}

}  // namespace signalbox::storage
