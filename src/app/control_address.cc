#include "app/control_address.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace signalbox::app {

std::expected<UnixAddress, int> UnixAddress::of(const std::string& path) {
    UnixAddress made;
    std::string short_path = path;
    if (path.size() >= sizeof made.address_.sun_path) {
        const std::size_t slash = path.rfind('/');
        const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
        made.folder_ = runtime::UniqueFd(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!made.folder_) return std::unexpected(errno);
        short_path = fmt::format("/proc/self/fd/{}/{}", made.folder_.get(), path.substr(slash + 1));
        if (short_path.size() >= sizeof made.address_.sun_path) {
            return std::unexpected(ENAMETOOLONG);
        }
    }
    made.address_.sun_family = AF_UNIX;
    std::memcpy(made.address_.sun_path, short_path.c_str(), short_path.size() + 1);
    return made;
}

}  // namespace signalbox::app
