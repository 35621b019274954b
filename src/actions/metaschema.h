#pragma once

#include <string_view>

namespace signalbox::actions {

/// Draft-07's schema of schemas, the one document outside of their own that schemas may refer to.
inline constexpr std::string_view kMetaschemaUri = "http://json-schema.org/draft-07/schema";
extern const std::string_view kMetaschema;

}  // namespace signalbox::actions
