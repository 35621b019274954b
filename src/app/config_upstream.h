#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actions/upstream_spec.h"
#include "app/config_value.h"

/// One table of `[[actions.upstream]]`.
namespace signalbox::app {

/// A member as the file gives it; a table of texts comes as RoleTable, each text a list of one.
struct TableField {
    std::string name;
    RawValue value;
    std::uint32_t line = 0;
};

struct RawTable {
    std::vector<TableField> fields;
    std::uint32_t line = 0;
};

/// Hears of a fault: line, the member's name, what is wrong.
using TableFault =
    std::function<void(std::uint32_t line, std::string_view name, std::string message)>;

[[nodiscard]] actions::UpstreamSpec read_upstream(const RawTable& table, const TableFault& fault);

/// Name, default and meaning of each member, for documentation.
struct UpstreamField {
    std::string_view name;
    std::string_view expects;    ///< continues "must be"
    std::string_view otherwise;  ///< the default, as documented
    std::string_view doc;
    /// @return false when the value cannot be that.
    bool (*assign)(actions::UpstreamSpec&, const RawValue&);
};
[[nodiscard]] std::span<const UpstreamField> upstream_fields();

}  // namespace signalbox::app
