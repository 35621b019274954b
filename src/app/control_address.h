#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <expected>
#include <string>

#include "runtime/unique_fd.h"

namespace signalbox::app {

/// The address of a unix socket, also of one whose path is longer than an address can hold (107
/// bytes): then it leads through /proc/self/fd, and holds the folder open.
class UnixAddress {
public:
    /// @return errno when the folder of a long path cannot be opened.
    [[nodiscard]] static std::expected<UnixAddress, int> of(const std::string& path);

    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&address_);
    }
    [[nodiscard]] socklen_t size() const { return sizeof address_; }

private:
    sockaddr_un address_{};
    runtime::UniqueFd folder_;
};

}  // namespace signalbox::app
