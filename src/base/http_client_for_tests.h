#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "base/http_client.h"

namespace signalbox::testing {

/// Remembers what was asked, and answers when the test says so, inside answer() or fail().
/// Threading: one thread; the executors that requests name are not used.
class FakeHttpClient final : public HttpClient {
public:
    struct Asked {
        HttpClientRequest request;
        Done done;                               ///< of fetch()
        std::unique_ptr<HttpResponseSink> sink;  ///< of stream()
        bool ended = false;                      ///< answered or cancelled
    };

    HttpCall fetch(HttpClientRequest request, Executor&, Done done) override {
        return remember({std::move(request), std::move(done), nullptr});
    }
    HttpCall stream(HttpClientRequest request, Executor&,
                    std::unique_ptr<HttpResponseSink> sink) override {
        return remember({std::move(request), nullptr, std::move(sink)});
    }

    /// All requests so far, the oldest first.
    [[nodiscard]] std::size_t count() const { return asked_.size(); }
    [[nodiscard]] Asked& at(std::size_t index) { return *asked_.at(index); }
    [[nodiscard]] Asked& last() { return *asked_.back(); }

    /// Answers the last request; nothing happens when it was cancelled.
    void answer(HttpResponse response) { finish(last(), std::move(response)); }
    void fail(HttpClientFault fault) {
        finish(last(), std::unexpected(HttpClientFailure{fault, std::string(to_string(fault))}));
    }
    static void finish(Asked& asked, std::expected<HttpResponse, HttpClientFailure> outcome) {
        if (std::exchange(asked.ended, true)) return;
        if (asked.done) return std::exchange(asked.done, nullptr)(std::move(outcome));
        const auto sink = std::move(asked.sink);
        if (!outcome) return sink->on_end(std::unexpected(std::move(outcome).error()));
        const std::string body = std::exchange(outcome->body, "");
        sink->on_head(std::move(*outcome));
        if (!body.empty()) sink->on_part(body);
        sink->on_end({});
    }

private:
    HttpCall remember(Asked asked) {
        asked_.push_back(std::make_shared<Asked>(std::move(asked)));
        return HttpCall([asked = asked_.back()] {
            asked->ended = true;
            asked->done = nullptr;
            asked->sink = nullptr;
        });
    }

    std::deque<std::shared_ptr<Asked>> asked_;
};

}  // namespace signalbox::testing
