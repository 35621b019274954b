#include "actions/data_digest.h"

#include "actions/decimal.h"
#include "auth/service_keys.h"

namespace signalbox::actions {

std::string data_digest(JsonElement data) {
    std::string canonical;
    append_canonical(canonical, data);
    return auth::sha256_hex(canonical);
}

}  // namespace signalbox::actions
