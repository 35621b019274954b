#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "engineio/packet.h"

namespace signalbox::engineio {

/// Outgoing packets that wait for a transport, in order, in one piece of memory.
/// Bounds: its user's; bytes() counts what is held. Empty, it holds no heap memory.
class PacketQueue {
public:
    void push(const Packet& packet) {
        const Head head{packet.type, packet.kind, static_cast<std::uint32_t>(packet.data.size())};
        records_.append(reinterpret_cast<const char*>(&head), sizeof head);
        records_.append(packet.data);
    }

    [[nodiscard]] bool empty() const { return records_.empty(); }
    [[nodiscard]] std::size_t bytes() const { return records_.size(); }

    [[nodiscard]] bool has_binary() const {
        return any([](const Head& head) { return head.kind == MessageKind::kBinary; });
    }
    [[nodiscard]] bool has_message() const {
        return any([](const Head& head) { return head.type == PacketType::kMessage; });
    }

    /// Empties the queue, then calls `visit(const Packet&)` for each packet that was in it; the
    /// packet is borrowed for the call.
    template <class Visit>
    void drain(Visit visit) {
        const std::string records = std::exchange(records_, {});
        for (std::size_t at = 0; at < records.size();) {
            const Head head = head_at(records, at);
            at += sizeof head;
            visit(Packet{.type = head.type,
                         .data = std::string_view(records).substr(at, head.size),
                         .kind = head.kind});
            at += head.size;
        }
    }

private:
    struct Head {
        PacketType type;
        MessageKind kind;
        std::uint32_t size;
    };

    static Head head_at(const std::string& records, std::size_t at) {
        Head head{};
        std::memcpy(&head, records.data() + at, sizeof head);
        return head;
    }

    template <class Matches>
    [[nodiscard]] bool any(Matches matches) const {
        for (std::size_t at = 0; at < records_.size();) {
            const Head head = head_at(records_, at);
            if (matches(head)) return true;
            at += sizeof head + head.size;
        }
        return false;
    }

    std::string records_;
};

}  // namespace signalbox::engineio
