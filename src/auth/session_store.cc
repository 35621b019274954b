#include "auth/session_store.h"

namespace signalbox::auth {

SessionId new_session_id(Random& random) {
    constexpr std::size_t kCharacters = 24;
    std::string id = random.id(kCharacters);
    while (id.front() == '-') id = random.id(kCharacters);
    return SessionId::trusted(std::move(id));
}

}  // namespace signalbox::auth
