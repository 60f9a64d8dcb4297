#include "app_versions.hpp"

#include "elves/assert.hpp"

namespace elves {

namespace {

std::pair<std::string, std::string> named(json::key_value_pair const& app)
{
    auto const* const version = app.value().if_string();
    return {std::string(app.key()), version ? std::string(*version) : std::string()};
}

} // namespace

void AppVersions::add(json::object const& apps)
{
    for (auto const& app : apps) ++counts_[named(app)];
}

void AppVersions::remove(json::object const& apps)
{
    for (auto const& app : apps) {
        auto const found = counts_.find(named(app));
        ELVES_ASSERT(found != counts_.end(), "an app goes that never came");
        if (--found->second == 0) counts_.erase(found);
    }
}

} // namespace elves
