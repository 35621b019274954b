#include "socketio/context.h"

#include <utility>

#include "base/check.h"
#include "socketio/client.h"
#include "socketio/local_namespace.h"
#include "socketio/local_socket.h"

namespace signalbox::socketio {
namespace {

constexpr std::size_t kSpareBytesMax = 64 * 1024;

}  // namespace

Context::Context(Options options, TimerWheel& wheel, Random& random)
    : options_(options),
      wheel_(wheel),
      random_(random),
      parser_(options.attachments_max),
      retirement_(Timer::calling<&Context::destroy_retired>(this)) {}

Context::~Context() = default;

Namespace& Context::add_namespace(const std::vector<std::string>& names,
                                  NamespaceHandler& handler) {
    SB_CHECK(!names.empty());
    LocalNamespace& added = *namespaces_.emplace_back(std::make_unique<LocalNamespace>(handler));
    for (const std::string& name : names) {
        SB_CHECK(name.starts_with('/') && name.find(',') == std::string::npos);
        SB_CHECK(by_name_.try_emplace(name, &added).second);
    }
    return added;
}

const Context::NamedNamespace* Context::find_namespace(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &*found;
}

const Context::NamedNamespace* Context::obtain_namespace(std::string_view name,
                                                         std::string_view auth) const {
    const NamedNamespace* known = find_namespace(name);
    if (known != nullptr || !ask_for_unknown_) return known;
    ask_for_unknown_(name, auth);
    return find_namespace(name);
}

void Context::retire(std::unique_ptr<LocalSocket> socket) {
    retired_sockets_.push_back(std::move(socket));
    destroy_retired_later();
}

void Context::retire(std::unique_ptr<Client> client) {
    retired_clients_.push_back(std::move(client));
    destroy_retired_later();
}

void Context::destroy_retired_later() {
    if (!retirement_.armed()) wheel_.arm_after(retirement_, Milliseconds(0));
}

void Context::destroy_retired() {
    const auto sockets = std::exchange(retired_sockets_, {});
    const auto clients = std::exchange(retired_clients_, {});
}

PacketBuffer::PacketBuffer(Context& context)
    : context_(context), text_(std::exchange(context.spare_buffer_, {})) {
    text_.clear();
}

PacketBuffer::~PacketBuffer() {
    if (text_.capacity() <= kSpareBytesMax) context_.spare_buffer_ = std::move(text_);
}

}  // namespace signalbox::socketio
