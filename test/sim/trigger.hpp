#pragma once

#include <string>
#include <string_view>

namespace elves::sim {

/// SQL of a trigger that lives as long as its connection: after each `event` the table `change` has a row
/// more, of `values`, in which `?` stands for `kind`.
inline std::string trigger(std::string const& kind, std::string const& event, std::string_view values)
{
    auto const place = values.find('?');
    auto row =
        std::string(values.substr(0, place)) + "'" + kind + "'" + std::string(values.substr(place + 1));
    return "CREATE TEMP TRIGGER \"" + event + "\" AFTER " + event + " BEGIN INSERT INTO change " + row +
           "; END;\n";
}

} // namespace elves::sim
