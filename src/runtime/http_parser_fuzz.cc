// Requests parsed whole and in pieces must be the same, and keep to the limits. Only a refusal may
// come sooner or later, or for another of several faults: Beast looks at a header that came in
// pieces when it has ended, and at a chunk extension with all that is there. Input: cuts, requests
// one after another.
#include <string>

#include "base/check.h"
#include "base/fuzz_input.h"
#include "runtime/http_parser.h"
#include "runtime/websocket_handshake.h"

namespace signalbox::runtime {
namespace {

constexpr HttpLimits kLimits{
    .header_bytes_max = 600, .header_fields_max = 12, .body_bytes_max = 500};

/// Parses as a connection does: keeps what the parser leaves, begins a new one for each request.
class Session {
public:
    void feed(std::string_view piece) {
        kept_ += piece;
        while (!fault_) {
            const auto used = parser_->feed(kept_);
            if (!used) {
                fault_ = used.error();
                return;
            }
            SB_CHECK(*used <= kept_.size());
            kept_.erase(0, *used);
            if (parser_->stage() != HttpRequestParser::Stage::kComplete) break;
            note(parser_->take());
            parser_ = std::make_unique<HttpRequestParser>(kLimits);
            if (kept_.empty()) break;
        }
        SB_CHECK(fault_ || kept_.size() <= kLimits.header_bytes_max + piece.size());
    }

    [[nodiscard]] const std::string& requests() const { return requests_; }
    [[nodiscard]] bool failed() const { return fault_.has_value(); }

private:
    void note(const HttpRequest& request) {
        SB_CHECK(request.body.size() <= kLimits.body_bytes_max);
        SB_CHECK(request.path.starts_with('/') || request.path == "*" || request.path.empty());
        requests_ += request.method + ' ' + request.target + ' ' + request.path + ' ' +
                     request.query + (parser_->keep_alive() ? " keep-alive" : " close") +
                     (parser_->wants_websocket() ? " websocket\n" : "\n");
        std::size_t fields = 0;
        for (const auto& [name, value] : request.headers) {
            requests_ += name + ": " + value + '\n';
            ++fields;
        }
        SB_CHECK(fields <= kLimits.header_fields_max);
        requests_ += request.body + '\n';
        if (!parser_->wants_websocket()) return;
        if (!check_websocket_request(request, HttpVersion::kHttp11)) return;
        std::string answer;
        append_switching_protocols(answer, request, offered_compression(request));
        requests_ += answer;
    }

    std::unique_ptr<HttpRequestParser> parser_ = std::make_unique<HttpRequestParser>(kLimits);
    std::string kept_;
    std::string requests_;
    std::optional<HttpFault> fault_;
};

}  // namespace
}  // namespace signalbox::runtime

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using signalbox::runtime::Session;
    signalbox::fuzz::Input input(data, size);
    auto cuts = input.cuts();
    Session whole;
    whole.feed(input.rest());
    Session cut;
    for (std::string_view rest = input.rest(); !rest.empty() && !cut.failed();) {
        cut.feed(cuts.next_piece(rest));
    }
    SB_CHECK(cut.requests() == whole.requests());
    return 0;
}
