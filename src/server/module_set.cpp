#include "server/module_set.hpp"

#include <algorithm>
#include <filesystem>
#include <ranges>
#include <stdexcept>

#include <dlfcn.h>
#include <unistd.h>

#include "core/trusted_path.hpp"
#include "elves/log.hpp"

namespace elves {

namespace {

bool holds(std::vector<std::string> const& names, std::string_view name)
{
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

/// `libhello.so` and `hello.so` hold the module `hello`.
std::string module_name(std::filesystem::path const& file)
{
    auto stem = file.stem().string();
    return stem.starts_with("lib") ? stem.substr(3) : stem;
}

std::vector<std::filesystem::path> shared_objects(std::string const& folder)
{
    std::error_code failure;
    std::vector<std::filesystem::path> files;
    for (std::filesystem::directory_iterator entries(folder, failure), end; !failure && entries != end;
         entries.increment(failure)) {
        if (entries->path().extension() == ".so") files.push_back(entries->path());
    }
    if (failure) throw std::runtime_error("[modules] path: cannot read " + folder + ": " + failure.message());
    std::sort(files.begin(), files.end());
    return files;
}

/// What is loaded runs as this process's user.
void require_trusted(Settings const& settings, std::filesystem::path const& path)
{
    if (auto const fault = untrusted_anywhere(path, ::geteuid()))
        settings.section("modules").refuse("path", *fault);
}

/// Of the last call of dlopen or dlsym, without the path that it begins with.
std::string loader_error(std::string const& path)
{
    auto const* const said = ::dlerror();
    std::string text = said ? said : "unknown error";
    if (text.starts_with(path + ": ")) text.erase(0, path.size() + 2);
    return text;
}

/// Loads it for the rest of the process's life. Its code may be needed after its module is destroyed: by an
/// exception that it threw, or a closure that it handed over. Nothing is gained by unloading: a server loads
/// modules once, at its start.
void* load_for_good(std::filesystem::path const& file)
{
    auto const path = std::filesystem::absolute(file).string();
    auto* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) throw std::runtime_error("cannot load module " + file.string() + ": " + loader_error(path));
    return library;
}

} // namespace

ModuleSet::ModuleSet(Host& host, Settings const& settings, std::vector<BuiltinModule> const& builtin,
    std::vector<std::string> const& enabled, std::string const& path, SharedObjects objects)
{
    for (auto const& module : builtin) {
        if (holds(enabled, module.name)) {
            modules_.push_back(module.make(host));
        } else {
            disabled_.emplace_back(module.name);
            settings.ignore(module.name);
        }
    }
    if (!path.empty()) find_in(path, host, settings, enabled, objects);
    check_names(settings, enabled);
}

ModuleSet::~ModuleSet()
{
    while (!modules_.empty()) modules_.pop_back();
}

void ModuleSet::find_in(std::string const& folder, Host& host, Settings const& settings,
    std::vector<std::string> const& enabled, SharedObjects objects)
{
    auto const files = shared_objects(folder);
    require_trusted(settings, folder);
    for (auto const& file : files) {
        auto const name = module_name(file);
        bool const is_enabled = holds(enabled, name);
        if (!is_enabled) disabled_.push_back(name);
        require_trusted(settings, file);
        if (is_enabled && objects == SharedObjects::load) {
            load(file, host);
            continue;
        }
        settings.ignore(name);
        if (is_enabled) not_loaded_.push_back(std::filesystem::absolute(file).string());
    }
}

void ModuleSet::load(std::filesystem::path const& file, Host& host)
{
    auto* const library = load_for_good(file);
    auto const* const version = static_cast<unsigned const*>(::dlsym(library, "elves_module_api_version"));
    auto const make = reinterpret_cast<Module* (*)(Host&)>(::dlsym(library, "elves_make_module"));
    if (!version || !make)
        throw std::runtime_error("cannot load module " + file.string() + ": it has no ELVES_LOADABLE_MODULE");
    if (*version != module_api_version) {
        throw std::runtime_error("cannot load module " + file.string() + ": it was built for module API " +
                                 std::to_string(*version) + ", and this server has " +
                                 std::to_string(module_api_version) + "; build it anew");
    }
    auto const* const build = static_cast<char const* const*>(::dlsym(library, "elves_module_build"));
    if (!build || std::string_view(*build) != module_build) {
        throw std::runtime_error("cannot load module " + file.string() + ": it was compiled with " +
                                 (build ? *build : "something unknown") + ", and this server with " +
                                 module_build + "; build it anew");
    }
    modules_.emplace_back(make(host));
    ELVES_LOG(info, "module " << modules_.back()->name() << " loaded from " << file.string());
}

void ModuleSet::check_names(Settings const& settings, std::vector<std::string> const& enabled) const
{
    for (auto const& name : enabled) {
        auto const known = [&](auto const& module) { return module->name() == name; };
        auto const would_load = [&](auto const& file) { return module_name(file) == name; };
        if (std::none_of(modules_.begin(), modules_.end(), known) &&
            std::none_of(not_loaded_.begin(), not_loaded_.end(), would_load)) {
            settings.section("modules").refuse("enabled", "there is no module \"" + name + "\"");
        }
    }
}

void ModuleSet::add(std::unique_ptr<Module> module) { modules_.push_back(std::move(module)); }

void ModuleSet::configure(Settings const& settings)
{
    for (auto const& module : modules_) module->configure(settings.section(module->name()));
}

void ModuleSet::declare(Router& router)
{
    for (auto const& name : disabled_) router.add_disabled(name);
    for (auto const& module : modules_) {
        auto const name = std::string(module->name());
        if (router.services().contains(name)) throw std::runtime_error("two modules have the name " + name);
        auto table = std::make_unique<MethodTable>();
        module->declare(*table);
        router.add(name, *table);
        tables_.push_back(std::move(table));
    }
}

void ModuleSet::start()
{
    for (auto const& module : modules_) module->start();
}

void ModuleSet::stop()
{
    for (auto const& module : std::views::reverse(modules_)) module->stop();
}

std::vector<std::string> ModuleSet::warnings() const
{
    std::vector<std::string> all;
    for (auto const& module : modules_) {
        for (auto& line : module->warnings()) all.push_back(std::move(line));
    }
    return all;
}

} // namespace elves
