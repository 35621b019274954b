#pragma once

#include <memory>

#include "runtime/transport.h"

struct ssl_st;

namespace signalbox::runtime {

/// TLS over a socket: records are received into the shard's buffer and decrypted until nothing is
/// pending, and a turn's output is encrypted as a whole, so that a turn costs one recv and one
/// send. Takes ownership of `ssl`, fresh from a server's context.
/// Memory:    OpenSSL's state, and its buffers while it is among the shard's WarmTransports; beyond
///            that only for a partial record and for what the kernel did not take. A peer that asks to renegotiate is dropped.
/// @return nullptr when out of memory.
[[nodiscard]] std::unique_ptr<Transport> make_tls_transport(UniqueFd socket, ssl_st* ssl);

}  // namespace signalbox::runtime
