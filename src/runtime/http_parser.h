#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string_view>

#include "base/http.h"
#include "runtime/http_fault.h"

namespace signalbox::runtime {

struct HttpLimits {
    /// Request line, header fields and line ends; 431. Chunk extensions together, and the last
    /// chunk with its trailer, are no longer either; 400.
    std::size_t header_bytes_max = 16 * 1024;
    std::size_t header_fields_max = 100;     ///< 431
    std::size_t body_bytes_max = 1'000'000;  ///< without chunk framing; 413
};

/// One HTTP/1 request from bytes cut anywhere. Sans-IO; the grammar is read by Boost.Beast's
/// parser, what that tolerates and RFC 9112 forbids is refused here.
///
/// Ownership: owns what it has parsed until take().
/// Threading: confined to one thread.
/// Bounds:    stores at most the limits; room for a body grows with what has arrived, not with what
///            was announced. The caller keeps what feed() does not consume: at most
///            header_bytes_max bytes while the parser asks for more.
/// Errors:    sticky in that a parser which has given one must not be fed again.
class HttpRequestParser {
public:
    enum class Stage : std::uint8_t { kHeader, kBody, kComplete };

    explicit HttpRequestParser(const HttpLimits& limits);
    ~HttpRequestParser();

    /// Parses as far as one request reaches.
    /// @return how many bytes at the front of `bytes` were used. When the stage is not kComplete,
    ///         the others must come again, with more behind them.
    [[nodiscard]] std::expected<std::size_t, HttpFault> feed(std::string_view bytes);

    [[nodiscard]] Stage stage() const;
    /// From kBody on: the client waits for `100 Continue` before its body.
    [[nodiscard]] bool expects_continue() const;
    /// From kBody on: HTTP/1.1 without `Connection: close`.
    [[nodiscard]] bool keep_alive() const;
    [[nodiscard]] bool is_http11() const;
    /// From kBody on: asks for the upgrade to websocket (RFC 6455 section 4.2.1, items 3 and 4).
    [[nodiscard]] bool wants_websocket() const;

    /// At kComplete: the request without peer, secure and internal_listener. The target is in
    /// origin form (or `*`): scheme and authority of an absolute one are cut.
    [[nodiscard]] HttpRequest take();

private:
    class Grammar;
    std::unique_ptr<Grammar> grammar_;
};

}  // namespace signalbox::runtime
