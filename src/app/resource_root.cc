#include "app/resource_root.h"

#include <algorithm>
#include <system_error>

namespace signalbox::app {

namespace fs = std::filesystem;

fs::path find_resource_root(std::span<const fs::path> candidates, std::string_view file) {
    const auto found = std::ranges::find_if(candidates, [file](const fs::path& root) {
        std::error_code unseen;
        return fs::exists(root / file, unseen);
    });
    return found == candidates.end() ? candidates.front() : *found;
}

fs::path resource_root() {
    std::error_code unknown;
    const fs::path program = fs::read_symlink("/proc/self/exe", unknown);
    const fs::path folder = program.parent_path();
    const fs::path candidates[] = {(folder / "../..").lexically_normal(),
                                   (folder / "../share/signalbox").lexically_normal(), "."};
    return find_resource_root(candidates, kTestClientPage);
}

}  // namespace signalbox::app
