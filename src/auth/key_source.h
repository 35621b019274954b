#pragma once

#include <cstdint>
#include <functional>

#include "base/executor.h"

namespace signalbox::auth {

enum class KeysAnswer : std::uint8_t {
    kFresh,        ///< SharedKeySet holds what the source had after the question
    kChanged,      ///< another set is there, asked for before the question: look, and ask again
    kUnavailable,  ///< the source does not answer: what it has now is not known
    kOverloaded,   ///< too many wait already
};

/// Where keys come from that a token may name before we know them.
/// Threading: any thread.
class KeySource {
public:
    using Done = std::move_only_function<void(KeysAnswer)>;

    virtual ~KeySource() = default;
    /// Asks for a set that is newer than this call. Costs the source a bounded rate of requests,
    /// whatever the number of calls.
    /// @param answer_on  runs `done`; outlives the source's answers.
    virtual void refresh(Executor& answer_on, Done done) = 0;
};

}  // namespace signalbox::auth
