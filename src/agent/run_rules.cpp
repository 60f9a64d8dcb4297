#include "agent/run_rules.hpp"

#include <utility>

#include "elves/deployment.hpp"
#include "elves/json_fields.hpp"

namespace elves::agent {

namespace {

Key key_of(std::vector<std::string> names)
{
    Key key;
    key.apps = std::move(names);
    return key;
}

/// A name that fits nothing would be a `deny` that denies nothing.
std::vector<std::string> names_of(Section const& agent, std::string_view setting)
{
    constexpr std::string_view fit = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-*?";
    auto names = agent.list(setting, {});
    for (auto const& name : names) {
        if (name.find_first_not_of(fit) != std::string::npos)
            agent.refuse(setting, "\"" + name +
                                      "\" fits no app and no function; give names of apps, or globs "
                                      "(* and ?) of app.func, such as nginx.re*");
        if (name.front() == '.' || name.back() == '.')
            agent.refuse(setting, "\"" + name +
                                      "\" begins or ends with a dot, so there is no app or no function in "
                                      "it; give the app alone, or app.func, such as demo or demo.*");
    }
    return names;
}

} // namespace

/// `my.app` of `deny` also stops an app of that whole name: denying too much is the safe side.
static std::vector<std::string> with_whole_names(std::vector<std::string> deny)
{
    auto const given = deny.size();
    for (std::size_t i = 0; i < given; ++i) {
        if (deny[i].find('.') != std::string::npos && deny[i].find_first_of("*?") == std::string::npos)
            deny.push_back(deny[i] + ".*");
    }
    return deny;
}

/// The entries that say which app they mean.
static std::vector<std::string> without_globs_of_apps(std::vector<std::string> allow)
{
    auto const is_glob = [](std::string const& name) {
        return name.substr(0, name.rfind('.')).find_first_of("*?") != std::string::npos;
    };
    std::erase_if(allow, is_glob);
    return allow;
}

RunRules::RunRules(std::optional<std::vector<std::string>> allow, std::vector<std::string> deny, bool proxy)
    : denied_(key_of(with_whole_names(std::move(deny)))), proxy_(proxy)
{
    if (!allow) return;
    named_ = key_of(without_globs_of_apps(*allow));
    allowed_ = key_of(std::move(*allow));
}

RunRules RunRules::read(Section const& agent)
{
    std::optional<std::vector<std::string>> allow;
    if (agent.has("allow")) allow = names_of(agent, "allow");
    auto deny = names_of(agent, "deny");
    // A function's name says what runs only where the caller can't name another file under it.
    auto const proxy = agent.choice("proxy", "false", {"true", "false"}) == "true";
    return {std::move(allow), std::move(deny), proxy};
}

std::optional<std::string> RunRules::refusal_of_deployment(Instruction const& ins) const
{
    if (!accepts_deployments_)
        return "this agent takes no deployments; set `accept = yes` in section [deploy] of this host's "
               "agent.conf";
    auto const app = Deployment::read(ins).app;
    if (denied_.may_run(ins) || denied_.may_use(app))
        return "this agent's own settings deny the app " + app + ", or functions of it ([agent] deny)";
    if (allowed_ && !allowed_->may_use(app))
        return "this agent's own settings do not allow the app " + app + " ([agent] allow)";
    return std::nullopt;
}

std::optional<std::string> RunRules::refusal(Instruction const& ins) const
{
    if (ins.app == own_app) return refusal_of_deployment(ins);
    if (denied_.may_run(ins)) return "this agent's own settings deny " + ins.name() + " ([agent] deny)";
    if (allowed_ && !allowed_->may_run(ins))
        return "this agent's own settings do not allow " + ins.name() + " ([agent] allow)";
    if (!proxy_ && !ins.proxy.empty())
        return "`ins.proxy` is " + shown(ins.proxy) +
               ", and this agent runs each app by its own entry only: leave `ins.proxy` out, or set `proxy = "
               "true` in section [agent] of this host's agent.conf ([agent] proxy)";
    return std::nullopt;
}

} // namespace elves::agent
