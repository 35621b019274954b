#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/http.h"

namespace signalbox::api {

/// A file of the disk and where it is served.
struct StaticFile {
    std::string path;          ///< URL path, without the base path: "/test-client"
    std::string file;          ///< on disk
    std::string content_type;  ///< with charset where it matters
};

/// Pages get a strict Content-Security-Policy that suits one self-contained page: its inline
/// scripts as they were when it was read (by hash), inline style, scripts of ours, connections to
/// the host that served it, nothing else, in no frame.
///
/// Ownership: holds the files' bytes, read once in the constructor.
/// Threading: const after construction; shared by the shards.
/// Errors:    a file that cannot be read is served as 404 with a sentence that names the URL path.
class StaticFiles {
public:
    StaticFiles() = default;
    explicit StaticFiles(const std::vector<StaticFile>& files);

    [[nodiscard]] bool has(std::string_view path) const;
    /// 200, 304 when `If-None-Match` names the file as it is, or 404. Precondition: has(path).
    [[nodiscard]] HttpResponse answer(std::string_view path, const HttpRequest& request) const;
    /// Files that could not be read, for the log at the start.
    [[nodiscard]] const std::vector<std::string>& missing() const { return missing_; }

private:
    struct Loaded {
        std::string content_type;
        std::string bytes{};
        std::string etag{};            ///< empty: could not be read
        std::string inline_scripts{};  ///< sources of the policy, each with a leading space
    };
    std::unordered_map<std::string, Loaded> files_;
    std::vector<std::string> missing_;
};

/// The test client of this repository: its page, the script of its forms and the Socket.IO client's
/// browser build.
struct TestClientFiles {
    std::string page_file;    ///< tests/websocket/test-client.html
    std::string form_file;    ///< tests/websocket/test-client-form.js
    std::string script_file;  ///< node_modules/socket.io-client/dist/socket.io.min.js
};
inline constexpr std::string_view kTestClientPath = "/test-client";
[[nodiscard]] std::vector<StaticFile> test_client_files(const TestClientFiles& files);

}  // namespace signalbox::api
