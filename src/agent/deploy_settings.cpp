#include "agent/deploy_settings.hpp"

#include <unistd.h>

#include "core/ed25519.hpp"
#include "elves/base64.hpp"

namespace elves::agent {

DeploySettings DeploySettings::read(Section const& deploy, std::filesystem::path const& apps)
{
    constexpr std::int64_t kib = 1024;
    constexpr std::int64_t gib = 1024 * 1024 * kib;
    DeploySettings all;
    all.accept = deploy.choice("accept", "no", {"yes", "no"}) == "yes";
    for (auto const& text : deploy.list("signers", {})) {
        auto const key = from_base64(text);
        if (!key || key->size() != ed25519_key_bytes)
            deploy.refuse(
                "signers", "\"" + text +
                               "\" is no Ed25519 public key; give 32 bytes in base64, as elvesctl app "
                               "push --sign shows them, or several, with commas");
        all.signers.push_back(*key);
    }
    all.max_size = deploy.number("max_size", all.max_size, kib, gib);
    if (all.accept && ::access(apps.c_str(), W_OK) != 0)
        deploy.refuse("accept", "it is yes, and the agent's user can't write in " + apps.string() +
                                    "; give [agent] apps a folder of the agent's own");
    return all;
}

} // namespace elves::agent
