#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/http.h"
#include "engineio/testing.h"

/// What the tests of this layer share, beside the fakes of Engine.IO's ports.
namespace signalbox::api::testing {

using engineio::testing::exchange;
using engineio::testing::ExchangeRecord;
using engineio::testing::FakeExchange;

/// A request with `Host: gateway.test` from 203.0.113.9.
[[nodiscard]] inline HttpRequest request_of(std::string method, std::string target,
                                            std::vector<HttpHeaders::Field> headers = {}) {
    HttpRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    const std::size_t question = std::min(request.target.find('?'), request.target.size());
    request.path = request.target.substr(0, question);
    if (question < request.target.size()) request.query = request.target.substr(question + 1);
    request.headers.add("Host", "gateway.test");
    for (auto& [name, value] : headers) request.headers.add(name, value);
    request.peer = "203.0.113.9";
    return request;
}

[[nodiscard]] inline std::string header_of(const ExchangeRecord& record, std::string_view name) {
    return record.response ? std::string(record.response->headers.find(name).value_or("")) : "";
}

}  // namespace signalbox::api::testing
