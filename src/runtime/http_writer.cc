#include "runtime/http_writer.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/status.hpp>
#include <charconv>

#include "base/check.h"

namespace signalbox::runtime {
namespace {

void append_number(std::string& out, std::size_t number, int base = 10) {
    std::array<char, 24> text;
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number, base);
    out.append(text.data(), end);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

bool is_ours(std::string_view name) {
    constexpr std::array<std::string_view, 4> kOurs = {"Content-Length", "Transfer-Encoding",
                                                       "Connection", "Date"};
    return std::ranges::any_of(kOurs, [&](auto ours) { return equal_ignoring_case(ours, name); });
}

bool breaks_lines(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

void append_status_line(std::string& out, int status) {
    out.append("HTTP/1.1 ");
    append_number(out, static_cast<std::size_t>(status));
    const auto reason = boost::beast::http::obsolete_reason(
        boost::beast::http::int_to_status(static_cast<unsigned>(status)));
    out.append(" ").append(reason.data(), reason.size()).append("\r\n");
}

}  // namespace

bool may_have_body(int status) {
    return status >= 200 && status != 204 && status != 304;
}

void append_response_head(std::string& out, const HttpResponse& response, ResponseFraming framing,
                          std::string_view date) {
    append_status_line(out, response.status);
    for (const auto& [name, value] : response.headers) {
        SB_CHECK(!breaks_lines(name) && !breaks_lines(value));
        if (!is_ours(name)) append_field(out, name, value);
    }
    append_field(out, "Date", date);
    if (framing.persistence == Persistence::kClose) append_field(out, "Connection", "close");
    if (framing.persistence == Persistence::kUpgrade) append_field(out, "Connection", "Upgrade");
    if (framing.body == BodyFraming::kChunked) append_field(out, "Transfer-Encoding", "chunked");
    if (framing.body == BodyFraming::kLength && may_have_body(response.status)) {
        out.append("Content-Length: ");
        append_number(out, response.body.size());
        out.append("\r\n");
    }
    out.append("\r\n");
}

void append_chunk(std::string& out, std::string_view part) {
    if (part.empty()) return;
    append_number(out, part.size(), 16);
    out.append("\r\n").append(part).append("\r\n");
}

}  // namespace signalbox::runtime
