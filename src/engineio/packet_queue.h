#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
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
        if (!records_) records_ = std::make_unique<std::string>();
        records_->append(reinterpret_cast<const char*>(&head), sizeof head);
        records_->append(packet.data);
    }

    [[nodiscard]] bool empty() const { return records_ == nullptr; }
    [[nodiscard]] std::size_t bytes() const { return records_ ? records_->size() : 0; }

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
        const std::unique_ptr<std::string> records = std::exchange(records_, nullptr);
        if (!records) return;
        for (std::size_t at = 0; at < records->size();) {
            const Head head = head_at(*records, at);
            at += sizeof head;
            visit(Packet{.type = head.type,
                         .data = std::string_view(*records).substr(at, head.size),
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
        for (std::size_t at = 0; at < bytes();) {
            const Head head = head_at(*records_, at);
            if (matches(head)) return true;
            at += sizeof head + head.size;
        }
        return false;
    }

    std::unique_ptr<std::string> records_;  // null: empty
};

}  // namespace signalbox::engineio
