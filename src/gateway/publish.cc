#include <algorithm>
#include <array>
#include <map>

#include "gateway/connection.h"
#include "gateway/peers.h"
#include "updates/envelope.h"

/// Updates from whoever sends them to the connections of their audience.
///
/// The home shard of a company gives each update its position and posts it, encoded, to the shards
/// that have connections of the company. Credit for all of it is taken before anything is done, so
/// that a list is published whole or not at all.
namespace signalbox::gateway {
namespace {

constexpr Milliseconds kRetryWhenBusy{1'000};

/// One update as the members' shards get it: immutable, shared.
struct Delivery {
    std::vector<std::string> rooms;
    std::vector<std::string> except;
    std::string envelope;
    bool is_volatile = false;
};
using Deliveries = std::shared_ptr<const std::vector<Delivery>>;

/// The packets of one delivery, each encoded when the first socket needs it.
class PacketVariants {
public:
    explicit PacketVariants(const std::string& envelope) : envelope_(envelope) {}

    const socketio::EncodedEvent& packet_for(const Connection& connection) {
        const std::string_view name = connection.socket.namespace_name();
        const bool object = connection.format == MessageFormat::kObject;
        auto& packets = packets_[object ? 1 : 0];
        auto found = packets.find(name);
        if (found == packets.end())
            found = packets.emplace(name, encode(name, connection.format)).first;
        return found->second;
    }

private:
    socketio::EncodedEvent encode(std::string_view name, MessageFormat format) const {
        if (format == MessageFormat::kObject) return {name, "message", envelope_};
        std::string text;
        append_json_string(text, envelope_);
        return {name, "message", text};
    }

    const std::string& envelope_;
    std::array<std::map<std::string, socketio::EncodedEvent, std::less<>>, 2> packets_;
};

Delivery make_delivery(const updates::Update& update, std::string_view request_id,
                       std::string_view position, WallTime time) {
    Delivery delivery;
    delivery.rooms = updates::rooms_of(update);
    delivery.except = updates::except_rooms_of(update);
    delivery.is_volatile = update.is_volatile;
    updates::UpdateHeader header{.request_id = request_id,
                                 .action = update.action,
                                 .kind = updates::Kind::kPush,
                                 .time = time,
                                 .artifact = update.artifact,
                                 .position = position};
    updates::append_update(delivery.envelope, header, update.data);
    return delivery;
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

void Gateway::publish(const auth::Principal& principal, std::vector<updates::Update> updates,
                      Done<PublishReceipt> done) {
    for (const updates::Update& update : updates) {
        if (principal.may_in(update.company, "updates:send")) continue;
        const bool foreign = principal.permissions.allows("updates:send");
        return done(std::unexpected(Error::of(
            ErrorCode::kForbidden, foreign ? "updates to another company need `updates:send:any`"
                                           : "this needs the permission `updates:send`")));
    }
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
    auto deliveries = std::make_shared<std::vector<Delivery>>();
    std::vector<std::string> positions;
    for (const std::size_t i : job->by_company[company_index]) {
        const updates::Update& update = job->updates[i];
        positions.push_back(homes_.next_position(company));
        const std::string request_id =
            update.request_id.empty() ? "update-" + s_.random.id(12) : update.request_id;
        deliveries->push_back(make_delivery(update, request_id, positions.back(), time));
        ++stats_.updates_published;
    }
    const auto deliver = [shared = Deliveries(std::move(deliveries))](Gateway& member) {
        for (const Delivery& delivery : *shared) {
            PacketVariants packets(delivery.envelope);
            member.sockets_->for_each_in(
                delivery.rooms, delivery.except, [&](socketio::Socket& socket) {
                    auto* connection = static_cast<Connection*>(socket.data.get());
                    if (connection == nullptr || connection->state != Connection::State::kOpen)
                        return;
                    const auto& packet = packets.packet_for(*connection);
                    if (delivery.is_volatile) {
                        socket.emit_volatile(packet);
                    } else {
                        socket.emit(packet);
                    }
                    ++member.stats_.updates_delivered;
                });
        }
    };
    const ShardIndex shards = s_.mesh.shard_count();
    if (shards == 1) {
        deliver(*this);
    } else {
        // A shard without members gets an empty task: that gives its credit back.
        const auto members = homes_.shards_of(company);
        for (ShardIndex shard = 0; shard < shards; ++shard) {
            const bool has_members = std::ranges::find(members, shard) != members.end();
            s_.mesh.post_reserved(shard, [peer = s_.peers[shard], deliver, has_members] {
                if (has_members) deliver(*peer);
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

std::string receipt_json(const PublishReceipt& receipt) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().member("accepted", receipt.positions.size()).key("positions").begin_array();
    for (const std::string& position : receipt.positions) json.string(position);
    json.end_array().end_object();
    return out;
}

}  // namespace signalbox::gateway
