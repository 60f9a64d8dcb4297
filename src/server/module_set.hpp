#pragma once

#include <memory>
#include <string>
#include <vector>

#include "elves/module.hpp"
#include "rpc/router.hpp"
#include "server/builtin_modules.hpp"

namespace elves {

/// The modules of this server: made in order, built-in ones first, then those of `[modules] path`; stopped in
/// reverse.
class ModuleSet {
public:
    /// Makes every enabled module. Throws std::runtime_error (SettingsError for a name in `enabled` that
    /// there is no module for) with what is wrong in one line.
    ModuleSet(Host& host, Settings const& settings, std::vector<BuiltinModule> const& builtin,
        std::vector<std::string> const& enabled, std::string const& path);
    ~ModuleSet();

    /// A module of the server's own, beside the others.
    void add(std::unique_ptr<Module> module);
    /// Gives each its section. Throws SettingsError.
    void configure(Settings const& settings);
    void declare(Router& router);
    void start();
    void stop();

private:
    struct Loaded; ///< A shared object: outlives what came from it.
    void load_from(std::string const& folder, Host& host, Settings const& settings,
        std::vector<std::string> const& enabled);
    void check_names(Settings const& settings, std::vector<std::string> const& enabled) const;

    std::vector<std::unique_ptr<Loaded>> loaded_;
    std::vector<std::unique_ptr<MethodTable>> tables_;
    std::vector<std::unique_ptr<Module>> modules_;
    std::vector<std::string> disabled_;
};

} // namespace elves
