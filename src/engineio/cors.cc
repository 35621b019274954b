#include "engineio/cors.h"

#include <utility>

namespace signalbox::engineio {
namespace {

constexpr const char* kPreflightSecondsMax = "600";

bool is_cross_origin(OriginVerdict verdict) {
    return verdict == OriginVerdict::kListed || verdict == OriginVerdict::kAnyone;
}

HttpHeaders allow_origin(const HttpRequest& request, OriginVerdict verdict) {
    HttpHeaders headers;
    headers.add("Access-Control-Allow-Origin",
                std::string(request.headers.find("Origin").value_or("")));
    if (verdict == OriginVerdict::kListed) headers.add("Access-Control-Allow-Credentials", "true");
    return headers;
}

class CorsExchange final : public HttpExchange {
public:
    CorsExchange(std::unique_ptr<HttpExchange> inner, HttpHeaders added)
        : inner_(std::move(inner)), added_(std::move(added)) {}

    void respond(HttpResponse response) override { inner_->respond(extended(std::move(response))); }
    void start_stream(HttpResponse head) override {
        inner_->start_stream(extended(std::move(head)));
    }
    void write(std::string_view part) override { inner_->write(part); }
    void finish() override { inner_->finish(); }
    void on_abort(std::move_only_function<void()> callback) override {
        inner_->on_abort(std::move(callback));
    }
    [[nodiscard]] std::size_t pending_bytes() const override { return inner_->pending_bytes(); }

private:
    HttpResponse extended(HttpResponse response) const {
        for (const auto& [name, value] : added_) {
            // What else the answer varies by stays true.
            if (name == "Vary") response.headers.add(name, value);
            if (name != "Vary") response.headers.set(name, value);
        }
        return response;
    }

    std::unique_ptr<HttpExchange> inner_;
    HttpHeaders added_;
};

}  // namespace

bool is_preflight(const HttpRequest& request) {
    return request.method == "OPTIONS" && request.headers.find("Origin") &&
           request.headers.find("Access-Control-Request-Method");
}

HttpResponse answer_preflight(const HttpRequest& request, OriginVerdict verdict) {
    HttpResponse response;
    response.status = 204;
    response.headers.add("Vary",
                         "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
    if (!is_allowed(verdict)) return response;
    for (const auto& [name, value] : allow_origin(request, verdict))
        response.headers.add(name, value);
    if (const auto method = request.headers.find("Access-Control-Request-Method")) {
        response.headers.add("Access-Control-Allow-Methods", std::string(*method));
    }
    if (const auto names = request.headers.find("Access-Control-Request-Headers")) {
        response.headers.add("Access-Control-Allow-Headers", std::string(*names));
    }
    response.headers.add("Access-Control-Max-Age", kPreflightSecondsMax);
    return response;
}

std::unique_ptr<HttpExchange> with_cors(const HttpRequest& request, OriginVerdict verdict,
                                        std::unique_ptr<HttpExchange> exchange) {
    if (!is_cross_origin(verdict)) return exchange;
    HttpHeaders added = allow_origin(request, verdict);
    added.add("Access-Control-Expose-Headers", "Retry-After, Location");
    added.add("Vary", "Origin");
    return std::make_unique<CorsExchange>(std::move(exchange), std::move(added));
}

}  // namespace signalbox::engineio
