#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "gateway/testing.h"

namespace signalbox::gateway::testing {

/// A client that comes back as the stock one does: it takes the last string argument of each event
/// for its offset, keeps what comes before the CONNECT answer, and presents pid and offset.
class StockClient {
public:
    struct Message {
        std::string text;  ///< the envelope
        std::string offset;
        std::string type, action, kind, request_id;
        std::uint64_t position = 0;  ///< number of an update's position
    };

    StockClient(TestNode& node, Login login) : node_(node), login_(std::move(login)) {
        node_.add_session(login_.session, login_.user, login_.company);
        token = login_.token(node_);
    }

    /// Opens a transport; say_hello() follows.
    void open(ShardIndex shard = 0) {
        std::string query = "&sessionId=" + login_.session + "&format=" + login_.format;
        if (!login_.artifact.empty()) query += "&artifactId=" + login_.artifact;
        transport_ = std::make_unique<engineio::testing::FakeClient>(node_.shard(shard).engine,
                                                                     query + login_.more_query);
        waiting_.clear();
        connected = false;
        if (!transport_->accepted()) node_.mesh.run();
    }
    /// Sends CONNECT; what comes is read by read().
    void say_hello() {
        std::string auth;
        JsonWriter json(auth);
        json.begin_object();
        if (!pid.empty()) json.member("pid", pid);
        if (!pid.empty() && offset) json.member("offset", *offset);
        json.member("token", token).end_object();
        transport_->send_text("0" + auth);
    }
    void begin(ShardIndex shard = 0) {
        open(shard);
        say_hello();
    }
    /// begin() to its end.
    void connect(ShardIndex shard = 0) {
        begin(shard);
        node_.turn();
        read();
    }
    /// Takes at most `most` packets; the others stay on their way.
    void read(std::size_t most = SIZE_MAX) {
        for (std::string& packet : transport_->take_texts()) arriving_.push_back(std::move(packet));
        for (; most > 0 && !arriving_.empty(); --most) {
            take(arriving_.front());
            arriving_.erase(arriving_.begin());
        }
    }
    /// The transport breaks; what had not been read is lost.
    void cut() {
        lose();
        if (!transport_->closed()) transport_->drop();
    }
    /// The same without the server's knowledge.
    void stall() {
        lose();
        stalled_.push_back(std::move(transport_));
    }
    void request(std::string_view id, std::string_view action, std::string_view data = "null") {
        transport_->send_text(R"(2["message",{"type":"REQUEST","requestId":")" + std::string(id) +
                              R"(","action":")" + std::string(action) + R"(","data":)" +
                              std::string(data) + "}]");
    }
    void send(std::string_view packet) { transport_->send_text(packet); }
    [[nodiscard]] engineio::testing::FakeClient& transport() { return *transport_; }
    [[nodiscard]] engineio::testing::FakeClient& stalled() { return *stalled_.back(); }

    /// What came since the last call: action of an update, request id of an answer, in order.
    [[nodiscard]] std::vector<std::string> take_names() {
        std::vector<std::string> names;
        for (const Message& message : std::exchange(messages, {})) {
            names.push_back(message.kind.empty() || message.kind == "status" ? message.request_id
                                                                             : message.action);
        }
        return names;
    }

    std::string token;
    std::string pid, sid;
    std::optional<std::string> offset;
    bool connected = false;
    bool recovered = false;
    std::string refusal;  ///< the last CONNECT_ERROR
    std::vector<Message> messages;

private:
    void lose() {
        (void)transport_->take_texts();
        arriving_.clear();
        waiting_.clear();
        connected = false;
    }
    void take(const std::string& packet) {
        if (packet.starts_with("0{")) return take_answer(packet.substr(1));
        if (packet.starts_with("4{")) {
            refusal = packet;
        } else if (packet.starts_with("2[")) {
            if (connected) {
                take_event(packet.substr(1));
            } else {
                waiting_.push_back(packet.substr(1));
            }
        }
    }
    void take_answer(const std::string& json) {
        const JsonElement answer = *parser_.parse(json);
        std::string_view text;
        sid = std::string(answer["sid"].get(text) == simdjson::SUCCESS ? text : "");
        const bool has_pid = answer["pid"].get(text) == simdjson::SUCCESS;
        recovered = has_pid && pid == text;
        pid = has_pid ? std::string(text) : std::string();
        connected = true;
        for (const std::string& event : std::exchange(waiting_, {})) take_event(event);
    }
    void take_event(const std::string& json) {
        Message message;
        const JsonElement event = *parser_.parse(json);
        simdjson::dom::array args;
        SB_CHECK(event.get(args) == simdjson::SUCCESS);
        std::string_view text;
        if (args.at(args.size() - 1).get(text) == simdjson::SUCCESS && !pid.empty()) {
            offset = message.offset = text;
        }
        const JsonElement body = args.at(1);
        const bool is_text = body.get(text) == simdjson::SUCCESS;
        JsonParser inner;
        const JsonElement envelope = is_text ? *inner.parse(text) : body;
        message.text = is_text ? std::string(text) : simdjson::to_string(body);
        const auto member = [&](std::string_view name) {
            std::string_view value;
            return std::string(envelope[name].get(value) == simdjson::SUCCESS ? value : "");
        };
        message.type = member("type");
        message.action = member("action");
        message.kind = member("kind");
        message.request_id = member("requestId");
        const std::string position = member("position");
        if (!position.empty()) {
            message.position = std::stoull(position.substr(position.rfind('-') + 1));
        }
        messages.push_back(std::move(message));
    }

    TestNode& node_;
    Login login_;
    JsonParser parser_;
    std::unique_ptr<engineio::testing::FakeClient> transport_;
    std::vector<std::unique_ptr<engineio::testing::FakeClient>> stalled_;
    std::vector<std::string> arriving_;  // packets on their way
    std::vector<std::string> waiting_;   // events before the CONNECT answer
};

}  // namespace signalbox::gateway::testing
