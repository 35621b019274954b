#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "actions/executor.h"
#include "actions/upstream_spec.h"
#include "actions/upstream_template.h"
#include "base/error_code.h"
#include "base/http_client.h"
#include "base/random.h"

/// What an upstream action sends; docs/upstream.md has the forms.
namespace signalbox::actions {

/// One try of one execution.
struct UpstreamTry {
    const UpstreamSpec& spec;
    const UrlTemplate& url;
    const ExecutionRequest& request;
    std::string_view signing_secret;  ///< empty: not signed
    Milliseconds left;                ///< until the deadline; > 0
    WallTime now;
};

/// @return VALIDATION_FAILED when the data cannot be brought into the URL; INVALID_TOKEN when a
/// token is to be forwarded that was not kept.
[[nodiscard]] std::expected<HttpClientRequest, Error> make_upstream_request(const UpstreamTry& one,
                                                                            Random& random);

/// `t=1790000000,v1=HEX`: HEX is the HMAC-SHA-256 of `1790000000.BODY`.
[[nodiscard]] std::string upstream_signature(std::string_view secret, WallTime now,
                                             std::string_view body);

/// W3C Trace Context, `00-TRACE-SPAN-FLAGS`: the caller's trace where `parent` is valid, else a new
/// one; the span is new.
[[nodiscard]] std::string child_traceparent(std::string_view parent, Random& random);

}  // namespace signalbox::actions
