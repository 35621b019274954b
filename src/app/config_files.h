#pragma once

#include <string>

/// What can be seen of the files that a configuration names, without making or changing any. A
/// fault is a sentence that begins with the path in quotes; "" when there is none.
namespace signalbox::app {

/// Reading a file.
[[nodiscard]] std::string reading_fault(const std::string& path);

/// Appending to a file, which is made when it is missing; its folder is not.
[[nodiscard]] std::string appending_fault(const std::string& path);

/// Writing into a folder, which is made when it is missing, with those above it.
[[nodiscard]] std::string folder_fault(const std::string& path);

/// The same place, from the root; `path` itself when the working directory has gone.
[[nodiscard]] std::string absolute_path(const std::string& path);

}  // namespace signalbox::app
