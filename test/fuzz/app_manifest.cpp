// Whatever an app's app.json is: it is taken, with what it says within its bounds, or refused by its own
// name.
#include "agent/app_manifest.hpp"

#include "agent/json_check.hpp"
#include "elves/error.hpp"
#include "elves/json.hpp"
#include "fuzz_target.hpp"

using namespace elves;

FUZZ_TARGET(app_manifest)
{
    boost::system::error_code failure;
    json::parse(input, failure);
    PROMISE(agent::is_json(input) == !failure);
    try {
        auto const manifest = agent::AppManifest::parse(input, "app.json");
        PROMISE(!failure);
        PROMISE(input.size() <= agent::AppManifest::max_bytes);
        PROMISE(manifest.size() <= agent::AppManifest::max_functions);
        try {
            auto const& function = manifest.function("reload");
            PROMISE(!function.file.empty());
            PROMISE(function.max_bytes <= 1024 * 1024);
            function.check_param("{}");
        } catch (Error const& refused) {
            PROMISE(refused.code() == codes::bad_func || refused.code() == codes::bad_param);
        }
    } catch (Error const& refused) {
        PROMISE(refused.code() == codes::bad_app);
        PROMISE(refused.info().find("app.json is invalid: ") != std::string::npos);
    }
}
