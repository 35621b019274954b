#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "api/metrics.h"
#include "api/routes.h"
#include "base/error_code.h"

/// The documents about HTTP say what the tables in the code say.
namespace signalbox::api {
namespace {

std::string document(const std::string& name) {
    std::ifstream in(std::string(SIGNALBOX_DOCS) + "/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// The rows of the only table whose first heading is `heading`.
std::string table_of(const std::string& text, const std::string& heading) {
    const std::size_t begin = text.find("| " + heading + " |");
    if (begin == std::string::npos) return {};
    return text.substr(begin, text.find("\n\n", begin) + 1 - begin);
}

TEST(Documentation, ListsTheErrorsOfTheRegistryLineByLine) {
    std::string expected = "| code | HTTP | retry helps | meaning |\n| --- | --- | --- | --- |\n";
    for (const ErrorInfo& info : error_registry()) {
        expected += fmt::format("| `{}` | {} | {} | {} |\n", info.name, info.http_status,
                                info.retryable ? "yes" : "no", info.meaning);
    }
    EXPECT_EQ(table_of(document("errors.md"), "code"), expected);
}

TEST(Documentation, ListsTheMetricsOfTheRegistryLineByLine) {
    std::string expected = "| metric | type | label | meaning |\n| --- | --- | --- | --- |\n";
    for (const MetricInfo& info : metric_registry()) {
        const std::string label = info.label.empty() ? "" : fmt::format("`{}` ", info.label);
        expected +=
            fmt::format("| `{}` | {} | {}| {} |\n", info.name,
                        info.type == MetricType::kCounter ? "counter" : "gauge", label, info.help);
    }
    EXPECT_EQ(table_of(document("http-api.md"), "metric"), expected);
}

TEST(Documentation, DescribesEveryRouteWithAnExample) {
    const std::string text = document("http-api.md");
    for (const Route& route : routes()) {
        const std::string title = fmt::format("### `{} {}`", route.method, route.pattern);
        const std::size_t begin = text.find(title);
        ASSERT_NE(begin, std::string::npos) << title;
        const std::string section = text.substr(begin, text.find("\n#", begin + 1) - begin);
        EXPECT_NE(section.find("curl "), std::string::npos) << title;
    }
}

}  // namespace
}  // namespace signalbox::api
