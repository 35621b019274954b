#include <algorithm>
#include <array>
#include <map>

#include "gateway/connection.h"
#include "gateway/peers.h"
#include "updates/envelope.h"
#include "updates/position.h"

/// Updates from whoever sends them to the connections of their audience.
///
/// The home shard of a company gives each update its position and posts it, encoded, to the shards
/// that have connections of the company. Credit for all of it is taken before anything is done, so
/// that a list is published whole or not at all.
namespace signalbox::gateway {
namespace {

using updates::PositionedUpdate;

constexpr Milliseconds kRetryWhenBusy{1'000};

/// The packets of one delivery, each encoded when the first socket needs it.
class PacketVariants {
public:
    explicit PacketVariants(const PositionedUpdate& update) : update_(update) {}

    const socketio::EncodedEvent& packet_for(const Connection& connection) {
        const std::string_view name = connection.socket.namespace_name();
        const bool object = connection.format == MessageFormat::kObject;
        const bool recoverable = connection.socket.recoverable();
        auto& packets = packets_[(object ? 1 : 0) + (recoverable ? 2 : 0)];
        auto found = packets.find(name);
        if (found == packets.end()) found = packets.emplace(name, encode(connection)).first;
        return found->second;
    }

private:
    [[nodiscard]] socketio::EncodedEvent encode(const Connection& connection) const {
        const std::string_view name = connection.socket.namespace_name();
        std::string args;
        if (connection.format == MessageFormat::kObject) {
            args = update_.envelope;
        } else {
            append_json_string(args, update_.envelope);
        }
        if (!connection.socket.recoverable()) return {name, "message", args};
        // A volatile update is not kept, so it has no place to come back to.
        if (update_.is_volatile) {
            if (socketio::leaves_text(args)) args += ",null";
            return {name, "message", args};
        }
        return {name, {.name = "message", .args = args, .offset = update_.position}};
    }

    const PositionedUpdate& update_;
    std::array<std::map<std::string, socketio::EncodedEvent, std::less<>>, 4> packets_;
};

PositionedUpdate make_positioned(const updates::Update& update, std::string_view request_id,
                                 const updates::Offset& position, WallTime time) {
    PositionedUpdate positioned;
    positioned.number = position.number;
    positioned.position = updates::offset_text(position);
    positioned.rooms = updates::rooms_of(update);
    positioned.except = updates::except_rooms_of(update);
    positioned.is_volatile = update.is_volatile;
    updates::UpdateHeader header{.request_id = request_id,
                                 .action = update.action,
                                 .kind = updates::Kind::kPush,
                                 .time = time,
                                 .artifact = update.artifact,
                                 .position = positioned.position};
    updates::append_update(positioned.envelope, header, update.data);
    return positioned;
}

}  // namespace

/// A list of updates on its way. The origin's shard owns `receipt`, `missing` and `done`; the rest
/// is const once posted.
struct Gateway::PublishJob {
    std::vector<updates::Update> updates;
    std::vector<CompanyId> companies;                  // distinct
    std::vector<std::vector<std::size_t>> by_company;  // indexes into updates
    ShardIndex origin = 0;
    PublishReceipt receipt;
    std::size_t missing = 0;
    Done<PublishReceipt> done;
};

std::optional<Error> Gateway::refuse_publish(const auth::Principal& principal,
                                             std::span<const updates::Update> updates) const {
    for (const updates::Update& update : updates) {
        const auth::Decision may = policy().may_use_in(principal, update.company, "updates:send");
        if (may) continue;
        const bool foreign = may.ground == auth::Ground::kForeignCompany;
        return Error::of(ErrorCode::kForbidden,
                         foreign ? "updates to another company need `updates:send:any`"
                                 : "this needs the permission `updates:send`");
    }
    return std::nullopt;
}

void Gateway::publish(const auth::Principal& principal, std::vector<updates::Update> updates,
                      Done<PublishReceipt> done) {
    if (auto refusal = refuse_publish(principal, updates))
        return done(std::unexpected(std::move(*refusal)));
    publish_trusted(std::move(updates), std::move(done));
}

void Gateway::publish_trusted(std::vector<updates::Update> updates, Done<PublishReceipt> done) {
    auto job = std::make_shared<PublishJob>();
    job->updates = std::move(updates);
    job->origin = s_.mesh.self();
    job->done = std::move(done);
    job->receipt.positions.resize(job->updates.size());
    for (std::size_t i = 0; i < job->updates.size(); ++i) {
        const CompanyId& company = job->updates[i].company;
        const auto known = std::ranges::find(job->companies, company);
        const auto index = static_cast<std::size_t>(known - job->companies.begin());
        if (known == job->companies.end()) {
            job->companies.push_back(company);
            job->by_company.emplace_back();
        }
        job->by_company[index].push_back(i);
    }
    job->missing = job->companies.size();
    const ShardIndex shards = s_.mesh.shard_count();
    if (shards == 1) {
        for (std::size_t i = 0; i < job->companies.size(); ++i) publish_at_home(job, i);
        return;
    }
    std::vector<ShardIndex> credits;
    for (const CompanyId& company : job->companies) {
        credits.push_back(home_of(company));
        for (ShardIndex shard = 0; shard < shards; ++shard) credits.push_back(shard);
    }
    if (!s_.mesh.try_reserve(credits)) {
        Error error = Error::of(ErrorCode::kOverloaded, "the server is busy");
        error.retry_after = kRetryWhenBusy;
        return job->done(std::unexpected(std::move(error)));
    }
    for (std::size_t i = 0; i < job->companies.size(); ++i) {
        const ShardIndex home = home_of(job->companies[i]);
        s_.mesh.post_reserved(home,
                              [peer = s_.peers[home], job, i] { peer->publish_at_home(job, i); });
    }
}

void Gateway::publish_at_home(const std::shared_ptr<PublishJob>& job, std::size_t company_index) {
    const CompanyId& company = job->companies[company_index];
    const WallTime time = s_.clock.wall_now();
    auto positioned = std::make_shared<PositionedUpdates>();
    std::vector<std::string> positions;
    for (const std::size_t i : job->by_company[company_index]) {
        const updates::Update& update = job->updates[i];
        const updates::Offset position{.epoch = homes_.position_of(company).epoch,
                                       .number = homes_.next_position(company),
                                       .private_number = {}};
        const std::string request_id =
            update.request_id.empty() ? "update-" + s_.random.id(12) : update.request_id;
        positioned->push_back(std::make_shared<const PositionedUpdate>(
            make_positioned(update, request_id, position, time)));
        positions.push_back(positioned->back()->position);
        homes_.keep(company, positioned->back(), now());
        ++stats_.updates_published;
    }
    if (homes_.log().bytes() > 0) keep_forgetting();
    const auto deliver_on =
        [company, shared = std::shared_ptr<const PositionedUpdates>(std::move(positioned))](
            Gateway& member) { member.deliver(company, *shared); };
    const ShardIndex shards = s_.mesh.shard_count();
    if (shards == 1) {
        deliver_on(*this);
    } else {
        // A shard without members gets an empty task: that gives its credit back.
        const auto members = homes_.shards_of(company);
        for (ShardIndex shard = 0; shard < shards; ++shard) {
            const bool has_members = std::ranges::find(members, shard) != members.end();
            s_.mesh.post_reserved(shard, [peer = s_.peers[shard], deliver_on, has_members] {
                if (has_members) deliver_on(*peer);
            });
        }
    }
    tell(job->origin, [job, company_index, positions = std::move(positions)](Gateway&) mutable {
        for (std::size_t k = 0; k < positions.size(); ++k) {
            job->receipt.positions[job->by_company[company_index][k]] = std::move(positions[k]);
        }
        if (--job->missing == 0) job->done(std::move(job->receipt));
    });
}

void Gateway::deliver(const CompanyId& company, const PositionedUpdates& updates) {
    for (const auto& update : updates) {
        // Looked up anew: a connection that ends in between may be the company's last here.
        const auto found = companies_here_.find(company);
        if (found == companies_here_.end()) return;
        CompanyHere& here = found->second;
        here.seen = std::max(here.seen, update->number);
        PacketVariants packets(*update);
        sockets_->for_each_in(update->rooms, update->except, [&](socketio::Socket& socket) {
            auto* connection = static_cast<Connection*>(socket.data.get());
            if (connection != nullptr && hand_over(*connection, &here, *update)) {
                const auto& packet = packets.packet_for(*connection);
                if (update->is_volatile) {
                    socket.emit_volatile(packet);
                } else {
                    socket.emit(packet);
                }
                ++stats_.updates_delivered;
            }
        });
    }
}

bool Gateway::hand_over(Connection& connection, const CompanyHere* company,
                        const updates::PositionedUpdate& update) {
    // The room of one connection is its id's, of whatever company.
    if (connection.company != company) return false;
    // It was admitted after this update, or has got it with what it had missed.
    if (update.number <= connection.recovery.position) return false;
    if (!update.is_volatile) connection.recovery.position = update.number;
    return connection.state == Connection::State::kOpen;
}

std::string receipt_json(const PublishReceipt& receipt) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().member("accepted", receipt.positions.size()).key("positions").begin_array();
    for (const std::string& position : receipt.positions) json.string(position);
    json.end_array().end_object();
    return out;
}

}  // namespace signalbox::gateway
