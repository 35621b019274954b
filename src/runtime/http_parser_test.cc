#include "runtime/http_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/testing.h"

namespace signalbox::runtime {
namespace {

using Stage = HttpRequestParser::Stage;
using Fed = std::expected<HttpRequest, HttpFault>;

/// Parses `bytes` in pieces of `step`, keeping what the parser leaves as its contract demands.
Fed parse(std::string_view bytes, std::size_t step, HttpLimits limits = {}) {
    HttpRequestParser parser(limits);
    std::string kept;
    while (!bytes.empty()) {
        kept += bytes.substr(0, step);
        bytes.remove_prefix(std::min(step, bytes.size()));
        const auto used = parser.feed(kept);
        if (!used) return std::unexpected(used.error());
        kept.erase(0, *used);
        if (parser.stage() == Stage::kComplete) return parser.take();
    }
    return std::unexpected(HttpFault::kHeaderTimeout);  // incomplete
}

Fed parse(std::string_view bytes, HttpLimits limits = {}) {
    return parse(bytes, bytes.size(), limits);
}

TEST(HttpRequestParser, GivesTheSameRequestForEverySplit) {
    const std::string bytes =
        "POST /a/b?c=d HTTP/1.1\r\nHost: h\r\nX: y z\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n6;ext\r\n world\r\n0\r\nTrailer: ignored\r\n\r\n";
    for (std::size_t step = 1; step <= bytes.size(); ++step) {
        const auto request = parse(bytes, step);
        ASSERT_TRUE(request) << step;
        EXPECT_EQ(request->method, "POST");
        EXPECT_EQ(request->target, "/a/b?c=d");
        EXPECT_EQ(request->path, "/a/b");
        EXPECT_EQ(request->query, "c=d");
        EXPECT_EQ(request->headers.find("x"), "y z");
        EXPECT_FALSE(request->headers.find("Trailer"));
        EXPECT_EQ(request->body, "hello world");
    }
}

TEST(HttpRequestParser, TakesAnEmptyChunkedBodyForEverySplit) {
    const std::string bytes =
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    for (std::size_t step = 1; step <= bytes.size(); ++step) {
        const auto request = parse(bytes, step);
        ASSERT_TRUE(request) << step;
        EXPECT_EQ(request->body, "");
    }
}

TEST(HttpRequestParser, LeavesTheBytesOfTheNextRequest) {
    HttpRequestParser parser({});
    const std::string first = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    EXPECT_EQ(parser.feed(first + "GET /2"), first.size());
    EXPECT_EQ(parser.stage(), Stage::kComplete);
}

TEST(HttpRequestParser, HoldsTheHeaderToItsBytes) {
    const std::string head = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
    const auto header_of = [&](std::size_t size) {
        return head + std::string(size - head.size() - 4, 'x') + "\r\n\r\n";
    };
    const HttpLimits limits{.header_bytes_max = 200};
    for (const std::size_t step : {1UZ, 7UZ, 500UZ}) {
        EXPECT_TRUE(parse(header_of(199), step, limits));
        EXPECT_TRUE(parse(header_of(200), step, limits)) << step;
        EXPECT_EQ(parse(header_of(201), step, limits).error(), HttpFault::kHeaderTooLarge) << step;
    }
}

TEST(HttpRequestParser, HoldsTheHeaderToItsBytesOverManyLines) {
    std::string bytes = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (int i = 0; i < 50; ++i) bytes += "X-" + std::to_string(i) + ": 0123456789\r\n";
    for (const std::size_t step : {1UZ, 17UZ, bytes.size()}) {
        EXPECT_EQ(parse(bytes, step, {.header_bytes_max = 300}).error(),
                  HttpFault::kHeaderTooLarge);
    }
}

TEST(HttpRequestParser, CountsHeaderBytesOfEarlierPieces) {
    std::string bytes = "GET / HTTP/1.1\r\nHost: h\r\n";
    while (bytes.size() < 450) bytes += "X: 0123456789\r\n";
    bytes += "\r\n";
    EXPECT_EQ(parse(bytes, 200, {.header_bytes_max = 300}).error(), HttpFault::kHeaderTooLarge);
    EXPECT_TRUE(parse(bytes, 200, {.header_bytes_max = 500}));
}

TEST(HttpRequestParser, HoldsTheFieldsToTheirNumber) {
    const auto with_fields = [](int count) {
        std::string bytes = "GET / HTTP/1.1\r\nHost: h\r\n";
        for (int i = 1; i < count; ++i) bytes += "X: y\r\n";
        return bytes + "\r\n";
    };
    EXPECT_TRUE(parse(with_fields(100)));
    EXPECT_EQ(parse(with_fields(101)).error(), HttpFault::kTooManyFields);
}

TEST(HttpRequestParser, HoldsBodiesToTheirBytesInBothFramings) {
    const HttpLimits limits{.body_bytes_max = 5};
    const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
    EXPECT_TRUE(parse(head + "Content-Length: 5\r\n\r\n12345", limits));
    EXPECT_EQ(parse(head + "Content-Length: 6\r\n\r\n123456", limits).error(),
              HttpFault::kBodyTooLarge);
    const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
    EXPECT_TRUE(parse(chunked + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", limits));
    EXPECT_EQ(parse(chunked + "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", limits).error(),
              HttpFault::kBodyTooLarge);
}

TEST(HttpRequestParser, HoldsChunkExtensionsAndTrailersToTheHeadersBytes) {
    const HttpLimits limits{.header_bytes_max = 100};
    const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    const auto with_extensions = [&](std::size_t each) {
        const std::string extension = ";" + std::string(each - 1, 'a');
        return head + "1" + extension + "\r\nb\r\n1" + extension + "\r\nb\r\n0\r\n\r\n";
    };
    const auto with_trailer = [&](std::size_t bytes) {
        return head + "0\r\nX: " + std::string(bytes - 10, 'y') + "\r\n\r\n";
    };
    for (const std::size_t step : {1UZ, 7UZ, 500UZ}) {
        EXPECT_TRUE(parse(with_extensions(50), step, limits)) << step;
        EXPECT_EQ(parse(with_extensions(51), step, limits).error(), HttpFault::kChunk) << step;
        EXPECT_TRUE(parse(with_trailer(100), step, limits)) << step;
        EXPECT_EQ(parse(with_trailer(101), step, limits).error(), HttpFault::kChunk) << step;
        EXPECT_EQ(parse(head + "0\r\nX: y\r\n z\r\n\r\n", step, limits).error(),
                  HttpFault::kFoldedField)
            << step;
    }
    EXPECT_TRUE(parse(head + "3\r\n\n b\r\n0\r\n\r\n", 500, limits)) << "of a body's lines";
}

TEST(HttpRequestParser, KnowsAnUpgradeByBothFields) {
    const auto wants = [](std::string_view fields) {
        HttpRequestParser parser({});
        (void)parser.feed("GET / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n");
        return parser.wants_websocket();
    };
    EXPECT_TRUE(wants("Upgrade: websocket\r\nConnection: Upgrade\r\n"));
    EXPECT_TRUE(wants("Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n"));
    EXPECT_FALSE(wants("Upgrade: websocket\r\n"));
    EXPECT_FALSE(wants("Connection: Upgrade\r\n"));
    EXPECT_FALSE(wants("Upgrade: h2c\r\nConnection: Upgrade\r\n"));
}

struct Malformed {
    std::string_view bytes;
    std::string_view status;
    std::string_view code;
    std::string_view message;
};

constexpr std::string_view kInvalid = "INVALID_MESSAGE";
constexpr std::string_view kNotHttpText = "This is not an HTTP/1.1 request.";
constexpr std::string_view kTargetText = "The request target is not a path.";
constexpr std::string_view kFieldText = "A header field is malformed.";
constexpr std::string_view kFoldedText = "A header field is folded over lines.";
constexpr std::string_view kHostText = "Exactly one valid Host header field is required.";
constexpr std::string_view kLengthText = "Content-Length is not one number.";
constexpr std::string_view kBothText = "Transfer-Encoding and Content-Length exclude each other.";
constexpr std::string_view kCodingText = "The only transfer coding known here is chunked.";
constexpr std::string_view kChunkText = "The chunked body is malformed.";
constexpr std::string_view kMethodText = "This method is not available.";
constexpr std::string_view kKeyText = "Sec-WebSocket-Key must be 16 bytes in base64.";

#define HEAD "GET / HTTP/1.1\r\nHost: h\r\n"
#define CHUNKED "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
#define UPGRADE HEAD "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

const Malformed kMalformed[] = {
    {"\x16\x03\x01\x02\x00\x01", "400", kInvalid, kNotHttpText},
    {std::string_view("\0\0\0\0", 4), "400", kInvalid, kNotHttpText},
    {"hello\r\n\r\n", "400", kInvalid, kNotHttpText},
    {"EHLO mail.example\r\n", "400", kInvalid, kNotHttpText},
    {"GET /\r\n\r\n", "400", kInvalid, kNotHttpText},
    {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", "400", kInvalid, kNotHttpText},
    {"GET / HTTX/1.1\r\nHost: h\r\n\r\n", "400", kInvalid, kNotHttpText},
    {"G@T / HTTP/1.1\r\nHost: h\r\n\r\n", "400", kInvalid, kNotHttpText},
    {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "400", kInvalid, kTargetText},
    {"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "400", kInvalid, kNotHttpText},
    {"GET path HTTP/1.1\r\nHost: h\r\n\r\n", "400", kInvalid, kTargetText},
    {"GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", "400", kInvalid, kTargetText},
    {"GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n", "400", kInvalid, kTargetText},
    {"GET * HTTP/1.1\r\nHost: h\r\n\r\n", "400", kInvalid, kTargetText},
    {"GET / HTTP/1.1\r\n\r\n", "400", kInvalid, kHostText},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400", kInvalid, kHostText},
    {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400", kInvalid, kHostText},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400", kInvalid, kHostText},
    {HEAD "No colon\r\n\r\n", "400", kInvalid, kFieldText},
    {HEAD ": empty name\r\n\r\n", "400", kInvalid, kFieldText},
    {HEAD "Space : x\r\n\r\n", "400", kInvalid, kFieldText},
    {HEAD "Bare: a\rb\r\n\r\n", "400", kInvalid, kFieldText},
    {HEAD "Bare: a\nB: c\r\n\r\n", "400", kInvalid, kFieldText},
    {std::string_view(HEAD "Nul: a\0b\r\n\r\n", sizeof(HEAD "Nul: a\0b\r\n\r\n") - 1), "400",
     kInvalid, kFieldText},
    {HEAD "Folded: a\r\n b\r\n\r\n", "400", kInvalid, kFoldedText},
    {HEAD "Folded: a\r\n\tb\r\n\r\n", "400", kInvalid, kFoldedText},
    {HEAD "Content-Length: x\r\n\r\n", "400", kInvalid, kLengthText},
    {HEAD "Content-Length: -1\r\n\r\n", "400", kInvalid, kLengthText},
    {HEAD "Content-Length: 99999999999999999999\r\n\r\n", "400", kInvalid, kLengthText},
    {HEAD "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400", kInvalid, kLengthText},
    {HEAD "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", "400", kInvalid, kLengthText},
    {HEAD "Content-Length: 1, 1\r\n\r\na", "400", kInvalid, kLengthText},
    {HEAD "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400", kInvalid, kBothText},
    {HEAD "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", "400", kInvalid, kBothText},
    {HEAD "Transfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\n", "501", kInvalid, kCodingText},
    {HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n", "501", kInvalid, kCodingText},
    {HEAD "Transfer-Encoding: chunked, chunked\r\n\r\n", "501", kInvalid, kCodingText},
    {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400", kInvalid,
     "HTTP/1.0 has no Transfer-Encoding."},
    {CHUNKED "z\r\n", "400", kInvalid, kChunkText},
    {CHUNKED "\r\n", "400", kInvalid, kChunkText},
    {CHUNKED "2\r\nabc\r\n0\r\n\r\n", "400", kInvalid, kChunkText},
    {CHUNKED "fffffffffffffffff\r\n", "400", kInvalid, kChunkText},
    {CHUNKED "1\nx\r\n0\r\n\r\n", "400", kInvalid, kChunkText},
    {CHUNKED "0\r\nbroken trailer\r\n\r\n", "400", kInvalid, kChunkText},
    {"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", "405", "METHOD_NOT_ALLOWED", kMethodText},
    {"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", "405", "METHOD_NOT_ALLOWED", kMethodText},
    {HEAD "Expect: magic\r\n\r\n", "417", kInvalid, "The only expectation met is 100-continue."},
    {UPGRADE "Sec-WebSocket-Version: 13\r\n\r\n", "400", kInvalid, kKeyText},
    {UPGRADE "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n", "400", kInvalid,
     kKeyText},
    {UPGRADE KEY KEY "Sec-WebSocket-Version: 13\r\n\r\n", "400", kInvalid, kKeyText},
    {UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n", "426", kInvalid,
     "The WebSocket version must be 13."},
    {UPGRADE KEY "\r\n", "426", kInvalid, "The WebSocket version must be 13."},
    {"POST / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "400",
     kInvalid, "A WebSocket opens with a GET of HTTP/1.1."},
};

TEST(HttpFault, EachMalformedRequestHasItsExactAnswerAndAClose) {
    testing::TestServer server;
    server.start();
    for (const Malformed& c : kMalformed) {
        testing::Client client(server.port());
        client.send(c.bytes);
        const std::string response = client.read_to_end();
        const std::string body = R"({"error":{"code":")" + std::string(c.code) +
                                 R"(","message":")" + std::string(c.message) + R"("}})";
        EXPECT_EQ(testing::status_of(response), c.status) << c.bytes;
        EXPECT_EQ(testing::body_of(response), body) << c.bytes;
        EXPECT_NE(response.find("\r\nConnection: close\r\n"), std::string::npos) << c.bytes;
    }
    EXPECT_EQ(server.statistics().http_faults.value(), std::ssize(kMalformed));
    EXPECT_EQ(server.statistics().http_requests.value(), 0);
}

TEST(HttpFault, NamesTheVersionOfWebSocketThatWorks) {
    const HttpResponse response = response_to(HttpFault::kWebSocketVersion);
    EXPECT_EQ(response.headers.find("Sec-WebSocket-Version"), "13");
}

}  // namespace
}  // namespace signalbox::runtime
