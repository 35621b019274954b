#include "api/static_files.h"

#include <fmt/format.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/check.h"

namespace signalbox::api {
namespace {

constexpr const char* kPagePolicy =
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

std::optional<std::string> read_file(const std::string& name) {
    std::ifstream in(name, std::ios::binary);
    if (!in) return std::nullopt;
    std::string bytes(std::istreambuf_iterator<char>(in), {});
    return in.bad() ? std::nullopt : std::optional(std::move(bytes));
}

/// FNV-1a: tells versions of a file apart, protects nothing.
std::string etag_of(std::string_view bytes) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return fmt::format("\"{:x}-{:016x}\"", bytes.size(), hash);
}

/// RFC 9110 section 13.1.2, weak comparison.
bool names_etag(std::string_view if_none_match, std::string_view etag) {
    return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

void add_security_headers(HttpHeaders& headers) {
    headers.add("Cache-Control", "no-cache");
    headers.add("Content-Security-Policy", kPagePolicy);
    headers.add("X-Content-Type-Options", "nosniff");
    headers.add("X-Frame-Options", "DENY");
    headers.add("Referrer-Policy", "no-referrer");
    headers.add("Cross-Origin-Opener-Policy", "same-origin");
}

}  // namespace

StaticFiles::StaticFiles(const std::vector<StaticFile>& files) {
    for (const StaticFile& file : files) {
        Loaded loaded{.content_type = file.content_type, .bytes = {}, .etag = {}};
        if (auto bytes = read_file(file.file)) {
            loaded.etag = etag_of(*bytes);
            loaded.bytes = std::move(*bytes);
        } else {
            missing_.push_back(file.file);
        }
        files_.insert_or_assign(file.path, std::move(loaded));
    }
}

bool StaticFiles::has(std::string_view path) const {
    return files_.contains(std::string(path));
}

HttpResponse StaticFiles::answer(std::string_view path, const HttpRequest& request) const {
    const auto found = files_.find(std::string(path));
    SB_CHECK(found != files_.end());
    const Loaded& file = found->second;
    if (file.etag.empty()) {
        return HttpResponse::of(404, "text/plain; charset=utf-8",
                                fmt::format("The file behind {} is not installed.\n", path));
    }
    const bool unchanged =
        names_etag(request.headers.find("If-None-Match").value_or(""), file.etag);
    HttpResponse response = unchanged ? HttpResponse{.status = 304, .headers = {}, .body = {}}
                                      : HttpResponse::of(200, file.content_type, file.bytes);
    response.headers.add("ETag", file.etag);
    add_security_headers(response.headers);
    return response;
}

std::vector<StaticFile> test_client_files(const TestClientFiles& files) {
    const std::string page(kTestClientPath);
    return {{page, files.page_file, "text/html; charset=utf-8"},
            {page + "/socket.io.min.js", files.script_file, "text/javascript; charset=utf-8"}};
}

}  // namespace signalbox::api
