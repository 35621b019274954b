#pragma once

#include <cstddef>

/// The file descriptors that this process may have.
namespace signalbox::app {

/// Raises the soft limit (often 1,024) to the hard one, as far as the kernel lets us.
void raise_descriptor_limit();
[[nodiscard]] std::size_t descriptor_limit();

/// Descriptors for connections when `limit` are allowed in all: some stay for listeners, event
/// loops, the database and upstreams; at least half of them are for connections. At least 1.
[[nodiscard]] std::size_t connections_within(std::size_t limit, std::size_t shards);

}  // namespace signalbox::app
