#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "base/timer_wheel.h"
#include "socketio/packet.h"
#include "socketio/rooms.h"
#include "socketio/server.h"

namespace signalbox::socketio {

class Client;
class LocalNamespace;
class LocalSocket;

/// What the parts of one Server share.
/// Threading: confined to its shard.
class Context {
public:
    using NamedNamespace = std::pair<const std::string, LocalNamespace*>;

    Context(Options options, TimerWheel& wheel, Random& random);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    [[nodiscard]] const Options& options() const { return options_; }
    [[nodiscard]] TimerWheel& wheel() { return wheel_; }
    [[nodiscard]] Random& random() { return random_; }
    [[nodiscard]] PacketParser& parser() { return parser_; }

    Namespace& add_namespace(const std::vector<std::string>& names, NamespaceHandler& handler);
    void on_unknown_namespace(Server::UnknownNamespace ask) { ask_for_unknown_ = std::move(ask); }
    /// @return the name, stored as long as this object, with its namespace; nullptr when unknown.
    [[nodiscard]] const NamedNamespace* find_namespace(std::string_view name) const;
    /// The same, after asking for one that is unknown.
    [[nodiscard]] const NamedNamespace* obtain_namespace(std::string_view name,
                                                         std::string_view auth) const;

    /// Destroys it at the wheel's next advance(), when no call is inside it any more.
    void retire(std::unique_ptr<LocalSocket> socket);
    void retire(std::unique_ptr<Client> client);

private:
    friend class PacketBuffer;
    void destroy_retired();
    void destroy_retired_later();

    Options options_;
    TimerWheel& wheel_;
    Random& random_;
    PacketParser parser_;
    std::vector<std::unique_ptr<LocalNamespace>> namespaces_;
    std::unordered_map<std::string, LocalNamespace*, StringHash, std::equal_to<>> by_name_;
    Server::UnknownNamespace ask_for_unknown_;
    std::vector<std::unique_ptr<LocalSocket>> retired_sockets_;
    std::vector<std::unique_ptr<Client>> retired_clients_;
    std::string spare_buffer_;
    Timer retirement_;
};

/// An empty string to write one packet into, with the memory of the one before. Sending may call
/// back and write another packet meanwhile: that one gets memory of its own.
class PacketBuffer {
public:
    explicit PacketBuffer(Context& context);
    ~PacketBuffer();
    PacketBuffer(const PacketBuffer&) = delete;
    PacketBuffer& operator=(const PacketBuffer&) = delete;

    [[nodiscard]] std::string& text() { return text_; }

private:
    Context& context_;
    std::string text_;
};

}  // namespace signalbox::socketio
