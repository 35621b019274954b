#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace signalbox {

/// Header fields in the order of arrival. Names compare without regard to ASCII case.
class HttpHeaders {
public:
    using Field = std::pair<std::string, std::string>;

    void add(std::string name, std::string value) {
        fields_.emplace_back(std::move(name), std::move(value));
    }
    /// Replaces every field of that name.
    void set(std::string_view name, std::string value);
    /// @return the first field of that name, or nullopt; borrowed from this object.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
    [[nodiscard]] std::size_t count(std::string_view name) const;
    [[nodiscard]] auto begin() const { return fields_.begin(); }
    [[nodiscard]] auto end() const { return fields_.end(); }

private:
    std::vector<Field> fields_;
};

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

/// Percent-decodes; '+' is a space only where `plus_is_space`. A broken escape is kept as it
/// stands.
enum class PlusSign { kLiteral, kSpace };
[[nodiscard]] std::string percent_decode(std::string_view text, PlusSign plus);

/// A parsed query string (`a=1&b=2`), keys and values decoded as in forms ('+' is a space).
class QueryParameters {
public:
    QueryParameters() = default;
    explicit QueryParameters(std::string_view query);
    /// @return the first value of that key; borrowed from this object.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view key) const;
    [[nodiscard]] auto begin() const { return values_.begin(); }
    [[nodiscard]] auto end() const { return values_.end(); }

private:
    std::vector<std::pair<std::string, std::string>> values_;
};

/// One complete request. A value: it may be moved to another shard.
struct HttpRequest {
    std::string method;  ///< as sent, case-sensitive
    std::string target;  ///< origin form, as sent: path and query
    std::string path;    ///< before '?', not decoded
    std::string query;   ///< after '?', not decoded
    HttpHeaders headers;
    std::string body;
    std::string peer;     ///< the client's IP address: the socket's, or what trusted proxies say
    bool secure = false;  ///< TLS here, or X-Forwarded-Proto https from a trusted proxy
    bool internal_listener = false;  ///< arrived at server.internal_listen
};

/// One complete answer. Content-Length, Date and Connection are the server's affair.
struct HttpResponse {
    int status = 200;
    HttpHeaders headers;
    std::string body;

    [[nodiscard]] static HttpResponse of(int status, std::string_view content_type,
                                         std::string body);
};

/// Where the answer to one request goes. Exactly one of respond() or start_stream() is called,
/// once. Destroyed without either: the server answers 500 and closes.
///
/// Ownership: owned by whoever handles the request; outlives the TCP connection safely (calls after
///            the peer has gone do nothing).
/// Threading: belongs to the shard on which it was handed out.
class HttpExchange {
public:
    virtual ~HttpExchange() = default;
    virtual void respond(HttpResponse response) = 0;

    /// Begins an answer of unknown length (chunked); `head.body` is its first part.
    virtual void start_stream(HttpResponse head) = 0;
    virtual void write(std::string_view part) = 0;
    /// Ends the stream.
    virtual void finish() = 0;

    /// Called at most once, when the peer goes away before the answer is complete. Replaces any
    /// earlier callback; an empty function removes it. Never called inside this call.
    virtual void on_abort(std::move_only_function<void()> callback) = 0;

    /// Bytes of a stream waiting for the peer, so that a producer can stop.
    [[nodiscard]] virtual std::size_t pending_bytes() const = 0;
};

/// Answers requests.
/// Threading: called on the shard that read the request; each shard has its own handler.
class HttpHandler {
public:
    virtual ~HttpHandler() = default;
    virtual void handle(HttpRequest request, std::unique_ptr<HttpExchange> exchange) = 0;
};

}  // namespace signalbox
