#pragma once

#include "actions/registry.h"
#include "signalbox/action.h"

namespace signalbox::embedding {

/// The action that runs what a program registers. Its handler is shared by all copies. Without a
/// handler it has none, which the registry refuses.
[[nodiscard]] actions::ActionDefinition adapted(ActionDefinition definition);

}  // namespace signalbox::embedding
