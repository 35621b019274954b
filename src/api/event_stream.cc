#include "api/event_stream.h"

#include <algorithm>

namespace signalbox::api {
namespace {

/// Cuts the first line, ended by LF, CR or CRLF, off `text`.
std::string_view take_line(std::string_view& text) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    text.remove_prefix(text.starts_with("\r\n") ? 2 : std::min<std::size_t>(text.size(), 1));
    return line;
}

std::string_view media_type(std::string_view range) {
    const std::size_t first = std::min(range.find_first_not_of(" \t"), range.size());
    range = range.substr(first, range.find(';') - first);
    return range.substr(0, range.find_last_not_of(" \t") + 1);
}

}  // namespace

bool wants_event_stream(const HttpRequest& request) {
    std::string_view accept = request.headers.find("Accept").value_or("");
    while (!accept.empty()) {
        const std::string_view range = accept.substr(0, accept.find(','));
        if (equal_ignoring_case(media_type(range), "text/event-stream")) return true;
        accept.remove_prefix(std::min(accept.size(), range.size() + 1));
    }
    return false;
}

HttpResponse event_stream_head() {
    HttpResponse head = HttpResponse::of(200, "text/event-stream; charset=utf-8", "");
    head.headers.add("Cache-Control", "no-store");
    head.headers.add("X-Accel-Buffering", "no");
    return head;
}

std::string event_text(std::string_view event, std::string_view data) {
    std::string text = "event: ";
    text.append(event);
    do {
        text.append("\ndata: ").append(take_line(data));
    } while (!data.empty());
    return text.append("\n\n");
}

}  // namespace signalbox::api
