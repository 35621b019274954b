#pragma once

#include <memory>

#include "base/http.h"
#include "engineio/origin_policy.h"

/// Cross-origin answers (Fetch standard, "CORS protocol") for what OriginPolicy allows.
namespace signalbox::engineio {

/// True for the question that a browser asks before a cross-origin request.
[[nodiscard]] bool is_preflight(const HttpRequest& request);

/// 204 that allows what the preflight asks for; without CORS headers when the origin is refused.
[[nodiscard]] HttpResponse answer_preflight(const HttpRequest& request, OriginVerdict verdict);

/// @return an exchange that adds the CORS headers to whatever answer is given, errors too; or
///         `exchange` itself when there is no other origin to be allowed.
[[nodiscard]] std::unique_ptr<HttpExchange> with_cors(const HttpRequest& request,
                                                      OriginVerdict verdict,
                                                      std::unique_ptr<HttpExchange> exchange);

}  // namespace signalbox::engineio
