#pragma once

#include <optional>
#include <string>
#include <vector>

#include "elves/caller.hpp"
#include "elves/instruction.hpp"
#include "elves/settings.hpp"

namespace elves::agent {

/// What this host lets its server run, whatever that asks for: `allow`, `deny` and `proxy` of `[agent]`.
class RunRules {
public:
    /// Everything.
    RunRules() = default;
    /// Names and globs as a key's `apps` has them. `deny` wins; no `allow` allows all, an empty one nothing.
    /// In `deny`, `my.app` is function `app` of `my` and an app called `my.app`.
    RunRules(std::optional<std::vector<std::string>> allow, std::vector<std::string> deny, bool proxy);
    /// Throws SettingsError.
    [[nodiscard]] static RunRules read(Section const& agent);

    /// Whether packages of apps may come from the server (`[deploy] accept`). Not by default.
    void accept_deployments(bool accepts) { accepts_deployments_ = accepts; }

    /// Why it may not run here; nothing where it may. An instruction of the reserved app may where
    /// deployments are accepted, and the app that it changes may run here: any of its functions by `allow`,
    /// and none of them is denied.
    [[nodiscard]] std::optional<std::string> refusal(Instruction const& ins) const;
    /// Whether `allow` names its app, or functions of it: `shell`, `shell.run` or `shell.*`, but no glob of
    /// apps.
    [[nodiscard]] bool is_named(Instruction const& ins) const { return named_.may_run(ins); }

private:
    [[nodiscard]] std::optional<std::string> refusal_of_deployment(Instruction const& ins) const;

    std::optional<Key> allowed_; ///< Keys, so that a glob means here what it means there.
    Key named_;                  ///< The entries of `allow` whose app is no glob.
    Key denied_;
    bool proxy_ = true; ///< May the server name the file that runs?
    bool accepts_deployments_ = false;
};

} // namespace elves::agent
