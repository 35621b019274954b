#include <algorithm>
#include <set>

#include "gateway/connection.h"
#include "gateway/gateway.h"

/// The time that a session was last used is written with a coarseness of an eighth of the time-out,
/// and a session ends an eighth later than it: so an open connection costs its session one write
/// per eighth, and none ends early. Before the server started nothing was noted, so its start
/// counts as use.
namespace signalbox::gateway {
namespace {

constexpr std::size_t kNotedAtOnce = 1'000;

Milliseconds coarseness(const Options& options) {
    return std::max(options.session_idle_timeout / 8, Milliseconds(1));
}

}  // namespace

WallTime Gateway::used_since() const {
    const Options& options = s_.options;
    if (options.session_idle_timeout.count() == 0) return {};
    const WallTime since = s_.clock.wall_now() - options.session_idle_timeout - coarseness(options);
    return since > started_at_ ? since : WallTime{};
}

void Gateway::note_use(const auth::SessionRecord& record) {
    const WallTime time = s_.clock.wall_now();
    if (s_.options.session_idle_timeout.count() == 0) return;
    if (time - record.used_at < coarseness(s_.options)) return;
    s_.sessions->touch({record.id}, time, s_.mesh, [](auto) {});
}

void Gateway::keep_noting_use() {
    if (s_.options.session_idle_timeout.count() == 0 || s_.sessions == nullptr) return;
    if (!use_timer_.armed()) s_.wheel.arm(use_timer_, now() + coarseness(s_.options));
}

void Gateway::note_use_of_all() {
    std::set<SessionId> used;
    for_each_connection([&](Connection& connection) {
        if (connection.state == Connection::State::kOpen) used.insert(connection.principal.session);
    });
    if (used.empty()) return;
    const WallTime time = s_.clock.wall_now();
    std::vector<SessionId> ids;
    for (const SessionId& session : used) {
        ids.push_back(session);
        if (ids.size() < kNotedAtOnce) continue;
        s_.sessions->touch(std::exchange(ids, {}), time, s_.mesh, [](auto) {});
    }
    if (!ids.empty()) s_.sessions->touch(std::move(ids), time, s_.mesh, [](auto) {});
    keep_noting_use();
}

}  // namespace signalbox::gateway
