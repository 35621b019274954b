#include "library/recovery.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "library/core.h"
#include "library/socket_state.h"

namespace signalbox::io::detail {
namespace {

constexpr char kHomeEnd = '~';
constexpr std::size_t kPidCharacters = 22;

}  // namespace

Recovery::Recovery(const Parts& parts, const ConnectionStateRecovery& options)
    : parts_(parts),
      options_(options),
      log_({options.max_disconnection_duration, options.log_bytes_max}),
      expiry_timer_(Timer::calling<&Recovery::expire>(this)) {}

std::string Recovery::new_pid(MonotonicTime opened_at) {
    std::string pid = std::to_string(parts_.shard) + kHomeEnd + parts_.random.id(kPidCharacters);
    located_.emplace(pid, Holder{parts_.shard, opened_at});
    return pid;
}

std::optional<ShardIndex> Recovery::home_of(std::string_view pid) const {
    const std::string_view digits = pid.substr(0, pid.find(kHomeEnd));
    ShardIndex home = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), home);
    const bool whole = error == std::errc() && end == digits.data() + digits.size();
    if (!whole || home >= parts_.ns.on_shards.size()) return std::nullopt;
    return home;
}

Recovery& Recovery::at(ShardIndex shard) const {
    return *parts_.ns.on(shard).recovery();
}

void Recovery::add_live(SocketState& socket) {
    live_.insert_or_assign(socket.pid, &socket);
}

void Recovery::keep(SocketState& socket, std::vector<std::string> rooms) {
    live_.erase(socket.pid);
    std::erase(rooms, socket.id);
    const MonotonicTime expiry = parts_.wheel.now() + options_.max_disconnection_duration;
    sessions_.insert_or_assign(
        socket.pid, Session{socket.id, std::move(rooms), socket.data, socket.log_position,
                            socket.replayed, socket.opened_at, expiry});
    expiries_.emplace(expiry, socket.pid);
    if (sessions_.size() > options_.sessions_max) drop_oldest();
    if (!expiry_timer_.armed() && !expiries_.empty())
        parts_.wheel.arm(expiry_timer_, expiries_.begin()->first);
}

void Recovery::drop(SocketState& socket) {
    live_.erase(socket.pid);
    forget_at_home(socket.pid, socket.opened_at);
}

void Recovery::claim(socketio::RecoveryClaim claim, std::shared_ptr<SocketState> socket) {
    const auto home = home_of(claim.pid);
    if (!home) return socket->resume(std::nullopt, claim.pid);
    const Holder here{parts_.shard, socket->opened_at};
    auto asked = std::make_shared<Claim>(std::move(claim), std::move(socket), here);
    const bool taken = parts_.ns.core.run_on(
        *home, [asked, this, home = *home] { at(home).locate(std::move(*asked)); });
    if (!taken) asked->socket->resume(std::nullopt, asked->what.pid);
}

void Recovery::locate(Claim claim) {
    const auto found = located_.find(claim.what.pid);
    const bool stale = found != located_.end() && claim.to.opened_at < found->second.opened_at;
    if (found == located_.end() || stale) return answer(std::move(claim), std::nullopt);
    const ShardIndex from = std::exchange(found->second, claim.to).shard;
    auto asked = std::make_shared<Claim>(std::move(claim));
    const bool taken =
        parts_.ns.core.run_on(from, [asked, this, from] { at(from).hand_over(std::move(*asked)); });
    if (!taken) answer(std::move(*asked), std::nullopt);
}

void Recovery::hand_over(Claim claim) {
    const auto live = live_.find(claim.what.pid);
    // Its client is here again: this one is half-open. Ending it keeps its state.
    if (live != live_.end() && live->second->live != nullptr) live->second->live->supersede();
    auto restored = take(claim.what);
    answer(std::move(claim), std::move(restored));
}

std::optional<Restored> Recovery::take(const socketio::RecoveryClaim& claim) {
    expire();
    const auto found = sessions_.extract(claim.pid);
    if (found.empty()) return std::nullopt;
    Session& session = found.mapped();
    const auto [begin, end] = expiries_.equal_range(session.expiry);
    expiries_.erase(
        std::find_if(begin, end, [&](const auto& one) { return one.second == claim.pid; }));
    const auto from = log_.resume_at(claim.offset.value_or(""), session.joined, parts_.wheel.now());
    if (!from) return std::nullopt;
    std::vector<std::string> own_rooms = session.rooms;
    own_rooms.push_back(session.sid);
    std::vector<LoggedEvent> missed;
    log_.for_each_from(*from, [&](const LoggedEvent& event) {
        if (event.to.includes(own_rooms) && !session.replayed.covers(event.stamp))
            missed.push_back(event);
    });
    return Restored{std::move(session.sid), std::move(session.rooms), std::move(session.data),
                    std::move(missed), log_.progress()};
}

void Recovery::answer(Claim claim, std::optional<Restored> restored) {
    Core& core = parts_.ns.core;
    const ShardIndex to = claim.to.shard;
    auto task = [claim = std::move(claim), restored = std::move(restored)]() mutable {
        claim.socket->resume(std::move(restored), claim.what.pid);
    };
    if (core.on_shard(to)) return task();
    core.post(to, std::move(task));
}

void Recovery::forget_at_home(const std::string& pid, MonotonicTime opened_at) {
    const auto home = home_of(pid);
    if (!home) return;
    Core& core = parts_.ns.core;
    const Holder holder{parts_.shard, opened_at};
    if (core.on_shard(*home)) return at(*home).forget(pid, holder);
    core.post(*home, [pid, holder, this, home = *home] { at(home).forget(pid, holder); });
}

void Recovery::forget(const std::string& pid, const Holder& holder) {
    const auto found = located_.find(pid);
    if (found != located_.end() && found->second == holder) located_.erase(found);
}

void Recovery::expire() {
    while (!expiries_.empty() && expiries_.begin()->first <= parts_.wheel.now()) drop_oldest();
    if (!expiries_.empty()) parts_.wheel.arm(expiry_timer_, expiries_.begin()->first);
}

void Recovery::drop_oldest() {
    const auto oldest = expiries_.extract(expiries_.begin());
    const auto session = sessions_.extract(oldest.mapped());
    SB_CHECK(!session.empty());
    forget_at_home(oldest.mapped(), session.mapped().opened_at);
}

}  // namespace signalbox::io::detail
