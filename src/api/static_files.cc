#include "api/static_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>

#include "api/etag.h"
#include "auth/service_keys.h"
#include "base/base64.h"
#include "base/check.h"

namespace signalbox::api {
namespace {

/// A source expression of Content Security Policy (level 3, section 2.3.1), with a leading space.
std::string hash_source(std::string_view script) {
    std::string hash;
    append_base64(hash, auth::sha256(script));
    return fmt::format(" 'sha256-{}'", hash);
}

/// The hashes of the page's own inline scripts: elements `<script>` without attributes.
std::string inline_script_sources(std::string_view page) {
    constexpr std::string_view kOpen = "<script>", kClose = "</script>";
    std::string sources;
    for (std::size_t at = page.find(kOpen); at != page.npos; at = page.find(kOpen, at)) {
        at += kOpen.size();
        const std::size_t end = std::min(page.find(kClose, at), page.size());
        sources += hash_source(page.substr(at, end - at));
    }
    return sources;
}

/// WebSockets to the host that the request was sent to; none when it is no plain host and port.
std::string websocket_sources(const HttpRequest& request) {
    constexpr std::string_view kOfHosts =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
    const std::string_view host = request.headers.find("Host").value_or("");
    if (host.empty() || host.find_first_not_of(kOfHosts) != host.npos) return {};
    return fmt::format(" ws://{0} wss://{0}", host);
}

std::optional<std::string> read_file(const std::string& name) {
    std::ifstream in(name, std::ios::binary);
    if (!in) return std::nullopt;
    std::string bytes(std::istreambuf_iterator<char>(in), {});
    return in.bad() ? std::nullopt : std::optional(std::move(bytes));
}

std::string page_policy(std::string_view scripts, const HttpRequest& request) {
    return fmt::format(
        "default-src 'none'; script-src 'self'{}; style-src 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'{}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        scripts, websocket_sources(request));
}

void add_security_headers(HttpHeaders& headers, std::string policy) {
    headers.add("Cache-Control", "no-cache");
    headers.add("Content-Security-Policy", std::move(policy));
    headers.add("X-Content-Type-Options", "nosniff");
    headers.add("X-Frame-Options", "DENY");
    headers.add("Referrer-Policy", "no-referrer");
    headers.add("Cross-Origin-Opener-Policy", "same-origin");
}

}  // namespace

StaticFiles::StaticFiles(const std::vector<StaticFile>& files) {
    for (const StaticFile& file : files) {
        Loaded loaded{.content_type = file.content_type};
        if (auto bytes = read_file(file.file)) {
            loaded.etag = etag_of(*bytes);
            if (file.content_type.starts_with("text/html"))
                loaded.inline_scripts = inline_script_sources(*bytes);
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
    add_security_headers(response.headers, page_policy(file.inline_scripts, request));
    return response;
}

std::vector<StaticFile> test_client_files(const TestClientFiles& files) {
    const std::string page(kTestClientPath);
    return {{page, files.page_file, "text/html; charset=utf-8"},
            {page + "/form.js", files.form_file, "text/javascript; charset=utf-8"},
            {page + "/socket.io.min.js", files.script_file, "text/javascript; charset=utf-8"}};
}

}  // namespace signalbox::api
