#include "server/admin_keys.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "elves/services/key_issuer.hpp"
#include "server/dialer.hpp"
#include "server/module_set.hpp"
#include "server/no_store.hpp"
#include "server/server_settings.hpp"
#include "store/open_db.hpp"

namespace elves {

std::optional<AdminKeys> admin_keys_in_file(Settings const& settings, ServerSettings const& server,
    std::vector<BuiltinModule> const& builtin, Clock& clock)
{
    auto const& enabled = server.enabled;
    bool const has_keys =
        enabled.empty() || std::find(enabled.begin(), enabled.end(), "supervisor") != enabled.end();
    if (!has_keys) return std::nullopt;
    if (!std::filesystem::exists(server.store_path)) {
        // Not set up yet. That nobody can come in is no news then; that everybody on this machine can, is.
        return server.auth == AuthMode::protected_ ? std::optional(AdminKeys{}) : std::nullopt;
    }
    boost::asio::io_context io(1);
    NoStore store;
    Host host(io.get_executor(), clock, store, server.zone);
    LinkDialer dialer(clock);
    host.offer<Dialer>(dialer);
    ModuleSet const modules(host, settings, builtin, {"supervisor"}, "");
    try {
        auto const& keys = host.need<KeyIssuer>("--check");
        return keys.admin_keys_in(*open_as_it_is(server.store_path), clock.now());
    } catch (std::exception const&) {
        return AdminKeys{1, true};
    }
}

} // namespace elves
