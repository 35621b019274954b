// Whatever a service answers, whole and in pieces it means the same, what is passed on is JSON, and
// only errors that an upstream may give are given.
// Input: the status, whether it is NDJSON, cuts, the body.
#include <string>
#include <vector>

#include "actions/upstream_answer.h"
#include "base/check.h"
#include "base/fuzz_input.h"

namespace {

using namespace signalbox;
using actions::UpstreamAnswer;

struct Read {
    std::vector<std::string> progress;
    std::string told;
    bool operator==(const Read&) const = default;
};

std::string told(const actions::UpstreamOutcome& outcome) {
    if (outcome.result) {
        SB_CHECK(JsonText::parse(outcome.result->str()).has_value());
        return outcome.result->str();
    }
    const Error& error = outcome.result.error();
    SB_CHECK(is_valid_error_name(error.code) && error.message.size() <= 1'024);
    SB_CHECK(error.details.empty() || JsonText::parse(error.details).has_value());
    return error.code + error.message + error.details;
}

template <class Next>
Read read(const HttpResponse& head, std::string_view body, Next next_piece) {
    Read read;
    UpstreamAnswer answer({.bytes_max = 512, .on_progress = [&](const JsonText& json) {
                               SB_CHECK(JsonText::parse(json.str()).has_value());
                               read.progress.push_back(json.str());
                           }});
    answer.head(head);
    bool decided = false;
    while (!body.empty() && !decided) decided = answer.part(next_piece(body));
    if (!decided) answer.end({});
    read.told = told(answer.take());
    return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    HttpResponse head;
    const bool good = input.byte() % 2 == 0;
    const int failure = 300 + input.byte();
    head.status = good ? 200 : failure;
    head.headers.add("Content-Type",
                     input.byte() % 2 == 0 ? "application/json" : "application/x-ndjson");
    fuzz::Cuts cuts = input.cuts();
    const Read whole =
        read(head, input.rest(), [](std::string_view& body) { return std::exchange(body, {}); });
    const Read cut =
        read(head, input.rest(), [&](std::string_view& body) { return cuts.next_piece(body); });
    SB_CHECK(whole == cut);
    return 0;
}
