#include <signalbox/server.h>
using namespace signalbox;

int main(int argc, char** argv) {
    Server server;
    server.add_action({.name = "greet", .handler = [](ActionContext& context, std::string) {
                           return json_string("Hello, " + context.principal().user_id);
                       }});
    const auto paint = [&](ActionContext& context, const std::string& data) -> Async<ActionResult> {
        for (int percent = 0; percent < 100; percent += 25) {
            context.progress(std::to_string(percent));
            co_await context.sleep(std::chrono::milliseconds(100));
        }
        server.send_update(context.principal().company_id, {.action = "painted", .data = data});
        co_return data;
    };
    server.add_action({.name = "paint", .permission = "paint", .progress = true, .handler = paint});
    return server.run(argc, argv);
}
