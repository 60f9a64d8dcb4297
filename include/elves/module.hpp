#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "elves/host.hpp"
#include "elves/method_table.hpp"
#include "elves/module_build.hpp"
#include "elves/settings.hpp"

namespace elves {

/// A service: a name, its methods, a life. Lives on the loop's thread; takes what it needs in its
/// constructor.
class Module {
public:
    virtual ~Module() = default;
    /// The `mqs` of its methods, and the name of its section in elves.conf.
    [[nodiscard]] virtual std::string_view name() const = 0;
    /// Reads its section: at start, and again on SIGHUP. Throws SettingsError and then has changed nothing.
    virtual void configure(Section const&) {}
    /// Says once which methods it has.
    virtual void declare(MethodTable& table) = 0;
    /// All modules are made, the loop is about to run: load what is hot.
    virtual void start() {}
    /// What the module's present state exposes, and an operator may not have meant: a sentence each, a few at
    /// most, none where nothing is. Logged at start and on SIGHUP, and shown in `elves.stats`: answers from
    /// memory, and quickly.
    [[nodiscard]] virtual std::vector<std::string> warnings() const { return {}; }
    /// The server ends; in the reverse order of starting. Stop timers, begin nothing new, and answer at once
    /// whoever still waits ([503.1]): a moment later the connections are closed.
    virtual void stop() {}
};

/// The glue function of a module: asks the host for what it needs, makes it, offers its services.
using MakeModule = std::unique_ptr<Module> (*)(Host&);

/// The version of everything in include/elves/ that a loaded module sees. Grows with each change of it.
inline constexpr unsigned module_api_version = 15;

} // namespace elves

/// In a shared object: makes it loadable. `make` is its glue function.
#define ELVES_LOADABLE_MODULE(make)                                                                          \
    extern "C" __attribute__((visibility("default"))) unsigned const elves_module_api_version =              \
        ::elves::module_api_version;                                                                         \
    extern "C" __attribute__((visibility("default"))) char const* const elves_module_build =                 \
        ::elves::module_build;                                                                               \
    extern "C" __attribute__((visibility("default"))) ::elves::Module* elves_make_module(                    \
        ::elves::Host& host)                                                                                 \
    {                                                                                                        \
        return make(host).release();                                                                         \
    }
