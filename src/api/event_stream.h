#pragma once

#include <string>
#include <string_view>

#include "base/http.h"

/// Server-sent events (HTML standard, section "Server-sent events").
namespace signalbox::api {

/// True when `Accept` names text/event-stream.
[[nodiscard]] bool wants_event_stream(const HttpRequest& request);

/// 200 that neither caches nor proxies hold back.
[[nodiscard]] HttpResponse event_stream_head();

/// One event; line breaks in `data` become several `data:` lines, which the reader joins again.
[[nodiscard]] std::string event_text(std::string_view event, std::string_view data);

}  // namespace signalbox::api
