#include <algorithm>
#include <functional>
#include <set>

#include "gateway/connection.h"
#include "gateway/gateway.h"

/// The time that a session was last used (auth/session_idle.h), noted while it has an open
/// connection.
namespace signalbox::gateway {
namespace {

constexpr std::size_t kNotedAtOnce = 1'000;
constexpr std::size_t kSlicesMax = 16;

}  // namespace

void Gateway::note_use(const auth::SessionRecord& record) {
    const WallTime time = s_.clock.wall_now();
    if (!idle_.is_on() || time - record.used_at < idle_.coarseness()) return;
    s_.sessions->touch({record.id}, time, s_.mesh, [](auto) {});
}

/// Whoever was told of it shall not come in after a restart, which counts as use.
void Gateway::note_end_of_use(const auth::SessionRecord& record) {
    s_.sessions->end_unused(record.id, used_since(), s_.clock.wall_now(), s_.mesh, [](auto) {});
}

std::size_t Gateway::use_slices() const {
    constexpr Milliseconds kSliceMin = std::chrono::seconds(1);
    const auto slices = static_cast<std::size_t>(idle_.coarseness() / kSliceMin);
    return std::clamp<std::size_t>(slices, 1, kSlicesMax);
}

void Gateway::keep_noting_use() {
    if (!idle_.is_on() || s_.sessions == nullptr || use_timer_.armed()) return;
    s_.wheel.arm(use_timer_, now() + idle_.coarseness() / static_cast<int>(use_slices()));
}

void Gateway::note_use_of_some() {
    const std::size_t slices = use_slices();
    use_slice_ = (use_slice_ + 1) % slices;
    bool any = false;
    std::set<SessionId> used;
    for_each_connection([&](Connection& connection) {
        if (connection.state != Connection::State::kOpen) return;
        any = true;
        const SessionId& session = connection.principal.session;
        if (std::hash<SessionId>{}(session) % slices == use_slice_) used.insert(session);
    });
    if (any) keep_noting_use();
    const WallTime time = s_.clock.wall_now();
    std::vector<SessionId> ids;
    for (const SessionId& session : used) {
        ids.push_back(session);
        if (ids.size() < kNotedAtOnce) continue;
        s_.sessions->touch(std::exchange(ids, {}), time, s_.mesh, [](auto) {});
    }
    if (!ids.empty()) s_.sessions->touch(std::move(ids), time, s_.mesh, [](auto) {});
}

}  // namespace signalbox::gateway
