#include "gateway/resume.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "updates/audience.h"
#include "updates/position.h"

namespace signalbox::gateway {
namespace {

/// How far a client has come with both kinds of messages.
struct Progress {
    std::uint64_t number = 0;
    std::optional<std::uint64_t> private_number;
};

/// @return nullopt for what this connection was never given.
std::optional<Progress> progress_of(const ParkedConnection& parked,
                                    const std::optional<std::string>& text,
                                    CompanyPosition present) {
    const RecoveryState& state = parked.recovery;
    const Progress nothing{state.start, 0};
    if (!text) return nothing;
    const auto offset = updates::parse_offset(*text);
    if (!offset || offset->epoch.size() != present.epoch.size()) return std::nullopt;
    if (offset->epoch != present.epoch || offset->number < state.start) return nothing;
    if (offset->number > state.position) return std::nullopt;
    if (offset->private_number.value_or(0) > state.private_count) return std::nullopt;
    return Progress{offset->number, offset->private_number};
}

/// The rooms that a connection was in, and when.
class Membership {
public:
    explicit Membership(const ParkedConnection& parked) {
        const auth::Principal& who = parked.principal;
        add(updates::company_room(who.company), 0, Subscription::kStillOn);
        add(updates::user_room(who.company, who.user), 0, Subscription::kStillOn);
        add(updates::session_room(who.company, who.session), 0, Subscription::kStillOn);
        add(updates::connection_room(parked.id), 0, Subscription::kStillOn);
        for (const Subscription& one : parked.subscriptions)
            add(updates::artifact_room(who.company, one.artifact), one.after, one.until);
        for (const EndedSubscription& one : parked.recovery.ended) {
            auto& spans = one.is_lost ? lost_ : spans_;
            spans.emplace(updates::artifact_room(who.company, one.artifact),
                          Span{one.after, one.until});
        }
    }

    [[nodiscard]] bool is_for(const updates::PositionedUpdate& update) const {
        return in_any(spans_, update.rooms, update.number) &&
               !in_any(spans_, update.except, update.number) &&
               !in_any(lost_, update.except, update.number);
    }

private:
    struct Span {
        std::uint64_t after;
        std::uint64_t until;
    };
    void add(const std::string& room, std::uint64_t after, std::uint64_t until) {
        spans_.emplace(room, Span{after, until});
    }
    using Spans = std::unordered_multimap<std::string, Span>;
    [[nodiscard]] static bool in_any(const Spans& spans, const std::vector<std::string>& rooms,
                                     std::uint64_t number) {
        return std::ranges::any_of(rooms, [&](const std::string& room) {
            const auto [begin, end] = spans.equal_range(room);
            return std::any_of(begin, end, [&](const auto& entry) {
                return entry.second.after < number && number <= entry.second.until;
            });
        });
    }

    Spans spans_;
    Spans lost_;
};

using PrivateMessages = std::vector<std::pair<std::uint64_t, MissedMessage>>;  // with their bases

/// @return nullopt when some were forgotten.
std::optional<PrivateMessages> missed_private(const RecoveryState& state, const Progress& progress,
                                              std::string_view epoch) {
    PrivateMessages missed;
    if (!state.ring) return missed;
    const PrivateRing& ring = *state.ring;
    const auto& known = progress.private_number;
    if (known ? !ring.complete_after_number(*known) : !ring.complete_from_base(progress.number)) {
        return std::nullopt;
    }
    ring.for_each([&](const PrivateMessage& message) {
        if (known ? message.number <= *known : message.base < progress.number) return;
        missed.emplace_back(
            message.base,
            MissedMessage{nullptr, std::string(message.envelope),
                          updates::offset_text({epoch, message.base, message.number})});
    });
    return missed;
}

/// What a message takes on the wire, at most, as a JSON string in an event.
std::size_t sent_bytes(const MissedMessage& message) {
    constexpr std::size_t kAround = 64;
    return 2 * message.envelope().size() + message.offset().size() + kAround;
}

}  // namespace

std::optional<std::vector<MissedMessage>> missed_messages(const ParkedConnection& parked,
                                                          const std::optional<std::string>& offset,
                                                          CompanyPosition present,
                                                          const updates::UpdateLog& log,
                                                          std::size_t replay_bytes_max) {
    const RecoveryState& state = parked.recovery;
    const auto progress = progress_of(parked, offset, present);
    if (!progress) return std::nullopt;
    // With the last update that was handed over, none was missed before the break.
    const bool has_last = progress->number == state.position;
    const std::uint64_t number =
        has_last ? std::max(parked.seen, state.position) : progress->number;
    if (number < state.ended_known_after) return std::nullopt;
    auto private_messages = missed_private(state, *progress, present.epoch);
    if (!private_messages) return std::nullopt;

    std::vector<MissedMessage> missed;
    auto next_private = private_messages->begin();
    const auto take_private_below = [&](std::uint64_t base) {
        for (; next_private != private_messages->end() && next_private->first < base;
             ++next_private) {
            missed.push_back(std::move(next_private->second));
        }
    };
    const Membership membership(parked);
    const bool whole =
        log.for_each_after(parked.principal.company, number, [&](const auto& update) {
            if (!membership.is_for(*update)) return;
            take_private_below(update->number);
            missed.push_back({update, {}, {}});
        });
    if (!whole) return std::nullopt;
    take_private_below(Subscription::kStillOn);
    std::size_t bytes = 0;
    for (const MissedMessage& message : missed) bytes += sent_bytes(message);
    if (bytes > replay_bytes_max) return std::nullopt;
    return missed;
}

}  // namespace signalbox::gateway
