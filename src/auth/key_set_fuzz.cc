// Whatever the key set, what is taken from it is within bounds and fit for its one algorithm.
// Input: the text of a JSON Web Key Set.
#include <string>

#include "auth/key_set.h"
#include "base/check.h"
#include "base/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace signalbox;
    fuzz::Input input(data, size);
    const auto set = auth::parse_key_set(input.rest());
    if (!set) {
        SB_CHECK(!set.error().empty());
        return 0;
    }
    SB_CHECK(!set->keys.empty() && set->keys.size() <= auth::kKeySetKeysMax);
    SB_CHECK(set->keys.size() + set->warnings.size() <= auth::kKeySetKeysMax);
    const std::vector<const auth::Algorithm*> accepted{auth::find_algorithm("RS256"),
                                                       auth::find_algorithm("HS256")};
    for (const auth::TokenKey& key : set->keys) {
        SB_CHECK(key.kid.size() <= auth::kKidBytesMax && key.material != nullptr);
        const auth::Algorithm* algorithm = key.bound_to(accepted);
        SB_CHECK(algorithm != nullptr && key.material->can_verify(*algorithm));
        SB_CHECK(!key.material->verify(*algorithm, "text", "no signature"));
    }
    return 0;
}
