#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "elves/audit_row.hpp"
#include "elves/error.hpp"
#include "elves/ip.hpp"
#include "elves/peer.hpp"
#include "elves/quota.hpp"
#include "elves/zone.hpp"

namespace elves {

struct Instruction;

/// What a method needs of its caller. Each method declares one; the router checks it before anything runs.
enum class Right {
    open,    ///< Nothing: also without a key.
    own,     ///< Any valid key.
    read,    ///< viewer, operator, admin.
    operate, ///< operator, admin.
    report,  ///< agent, admin.
    manage,  ///< admin.
};
enum class Role { viewer, operator_, agent, admin };

[[nodiscard]] bool role_may(Role role, Right right) noexcept;
[[nodiscard]] std::string_view role_text(Role role) noexcept;
[[nodiscard]] std::string_view right_text(Right right) noexcept;

/// Who may do what where. Immutable; a changed key is a new one.
struct Key {
    std::string key;
    std::string name;
    Role role = Role::viewer;
    /// Which functions of which apps: `nginx` (an app), `nginx.reload` or `nginx.re*` (functions of it), `*`
    /// (everything). `*` and `?` are wildcards. The last dot of an entry separates app and function: an app
    /// whose own name has a dot is `my.app.*`. A glob without a dot stands for all of `app.func`.
    std::vector<std::string> apps;
    IpSet ips;
    bool enabled = true;
    std::string create_time;
    std::optional<Instant> expires; ///< From then on it is none.
    /// The right `files`: `ins.proxy` may name which file of the app runs.
    bool files = false;
    Quota quota{};                           ///< What it may hold at once.
    std::optional<std::int64_t> run_hosts{}; ///< The most hosts of one of its runs; nothing: no limit.

    [[nodiscard]] bool may_touch(Ip const& ip) const noexcept;
    [[nodiscard]] bool may_run(Instruction const& ins) const;
    /// May this key name the file that runs (`ins.proxy`)? An admin always may. An agent starts nothing at
    /// the server; what it reports of its own cron jobs may have a proxy.
    [[nodiscard]] bool may_choose_files() const noexcept
    {
        return files || role == Role::admin || role == Role::agent;
    }
    /// Any function of that app.
    [[nodiscard]] bool may_use(std::string_view app) const;
    /// A task or a cron job: what it runs, and where.
    [[nodiscard]] bool may_see(Ip const& ip, Instruction const& ins) const;
    /// It says `*`: nothing is beyond it.
    [[nodiscard]] bool has_all_ips() const noexcept;
    [[nodiscard]] bool has_all_apps() const noexcept;
};

/// Who asks. A small value; copy it into coroutines.
struct Caller {
    std::shared_ptr<Peer> peer;
    /// Null: nobody in particular, who by `[auth] mode` may do everything from where he is.
    std::shared_ptr<Key const> key;
    /// What this call leaves in the audit trail; null where nothing is kept, and of what reads and answers at
    /// once.
    std::shared_ptr<AuditRow> audit{};

    [[nodiscard]] bool may_touch(Ip const& ip) const noexcept { return !key || key->may_touch(ip); }
    [[nodiscard]] bool may_run(Instruction const& ins) const { return !key || key->may_run(ins); }
    [[nodiscard]] bool may_use(std::string_view app) const { return !key || key->may_use(app); }
    [[nodiscard]] bool may_see(Ip const& ip, Instruction const& ins) const
    {
        return !key || key->may_see(ip, ins);
    }
    [[nodiscard]] bool may(Right right) const noexcept { return !key || role_may(key->role, right); }
    /// Throw Error 401.6 that names the key and what it may not touch. `require_run` checks app and function,
    /// and the right `files` where `ins.proxy` is given.
    void require(Ip const& ip) const;
    void require_run(Instruction const& ins) const;
    void require_app(std::string_view app) const;
    /// Of a record that was not asked for by its app and IP: names it as the caller did, "task ID" say, and
    /// tells nothing of what is in it. The audit trail hears what it is.
    void require_record(std::string const& what, Ip const& ip, Instruction const& ins) const;
    /// The key's id, "" without one: the `by` of the task log.
    [[nodiscard]] std::string by() const { return key ? key->key : std::string(); }
    /// What the write that makes this call's change writes with it (see AuditRow::also); may be empty.
    [[nodiscard]] std::function<void(Db&)> also(std::string target = {}) const
    {
        return audit ? audit->also(std::move(target)) : nullptr;
    }
};

} // namespace elves
