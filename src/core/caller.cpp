#include "elves/caller.hpp"

#include <algorithm>

#include "elves/app_globs.hpp"
#include "elves/deployment.hpp"
#include "elves/instruction.hpp"
#include "elves/json_fields.hpp"

namespace elves {

bool role_may(Role role, Right right) noexcept
{
    switch (right) {
    case Right::open:
    case Right::own:
        return true;
    case Right::read:
        return role != Role::agent;
    case Right::operate:
        return role == Role::operator_ || role == Role::admin;
    case Right::report:
        return role == Role::agent || role == Role::admin;
    case Right::manage:
        return role == Role::admin;
    }
    return false;
}

std::string_view role_text(Role role) noexcept
{
    switch (role) {
    case Role::viewer:
        return "viewer";
    case Role::operator_:
        return "operator";
    case Role::agent:
        return "agent";
    case Role::admin:
        return "admin";
    }
    return "";
}

std::string_view right_text(Right right) noexcept
{
    switch (right) {
    case Right::open:
        return "open";
    case Right::own:
        return "own";
    case Right::read:
        return "read";
    case Right::operate:
        return "operate";
    case Right::report:
        return "report";
    case Right::manage:
        return "manage";
    }
    return "";
}

bool Key::may_touch(Ip const& ip) const noexcept { return ips.contains(ip); }

namespace {

/// A hint for who wrote the app's whole name and means the app: such an entry is one of its functions' now.
std::string hint_for(Key const& key, std::string const& app)
{
    if (std::find(key.apps.begin(), key.apps.end(), app) == key.apps.end()) return {};
    return "; its entry \"" + app + "\" is a function of another app: the app itself is written \"" + app +
           ".*\"";
}

} // namespace

bool Key::may_run(Instruction const& ins) const { return AppGlobs::covers(apps, ins); }

bool Key::may_use(std::string_view app) const { return AppGlobs::covers_app(apps, app); }

bool Key::has_all_ips() const noexcept { return ips.is_all(); }

bool Key::has_all_apps() const noexcept { return std::find(apps.begin(), apps.end(), "*") != apps.end(); }

bool Key::may_see(Ip const& ip, Instruction const& ins) const { return may_touch(ip) && may_run(ins); }

void Caller::require(Ip const& ip) const
{
    if (!may_touch(ip)) {
        throw Error(codes::forbidden,
            "key " + key->key + " has no rights on " + ip.text() + "; its iplist would have to hold it");
    }
}

void Caller::require_run(Instruction const& ins) const
{
    if (!may_run(ins)) {
        throw Error(codes::forbidden, "key " + key->key + " has no rights on " + ins.name() +
                                          "; its apps would have to hold it" + hint_for(*key, ins.app));
    }
    if (!ins.proxy.empty() && key && !key->may_choose_files()) {
        throw Error(codes::forbidden,
            "`ins.proxy` is " + shown(ins.proxy) + ", and key " + key->key +
                " does not have the right `files`: leave `ins.proxy` out, or give the key that right "
                "(elvesctl key set " +
                key->key + " --files true)");
    }
    // Whoever puts another app there decides what its functions do.
    if (auto const app = key ? deployed_app(ins) : std::nullopt) require_app(*app);
}

void Caller::require_app(std::string_view app) const
{
    if (!may_use(app)) {
        throw Error(codes::forbidden, "key " + key->key + " has no rights on app " + std::string(app) +
                                          "; its apps would have to hold it" +
                                          hint_for(*key, std::string(app)));
    }
}

void Caller::require_record(std::string const& what, Ip const& ip, Instruction const& ins) const
{
    if (audit) audit->about(ip, ins);
    if (!may_see(ip, ins)) throw Error(codes::forbidden, "key " + key->key + " has no rights on " + what);
}

} // namespace elves
