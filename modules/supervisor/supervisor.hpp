#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app_addresses.hpp"
#include "elves/app_globs.hpp"
#include "elves/module.hpp"
#include "elves/services/authority.hpp"
#include "elves/services/key_issuer.hpp"
#include "elves/services/presence.hpp"
#include "failed_logins.hpp"
#include "joins.hpp"
#include "key_quotas.hpp"
#include "key_ring.hpp"
#include "key_words.hpp"
#include "wrong_tries.hpp"

namespace elves {

/// How many hosts a run may have; nothing: as many as there are.
struct RunHosts {
    std::optional<std::int64_t> most;
};

/// An IP, or a host's name.
struct HostName {
    std::string text;
};

/// 1 to 65,535.
struct PortNumber {
    std::uint16_t number = 0;
};

/// The `supervisor` service: who may do what, and where the apps' processors listen. Lives on the loop's
/// thread. `keys`, `quotas`, `apps` and `joins` outlive it.
class Supervisor : public Module, public Authority, public AppDirectory, public KeyIssuer {
public:
    /// `presence`: null where there are no agents.
    Supervisor(
        KeyRing& keys, KeyQuotas& quotas, AppAddresses& apps, Joins& joins, Clock& clock, Presence* presence)
        : keys_(keys), quotas_(quotas), apps_(apps), joins_(joins), clock_(clock), presence_(presence)
    {
        if (presence_) presence_->on_forget([this](Ip const& machine) { return belongings_of(machine); });
    }

    [[nodiscard]] std::string_view name() const override { return "supervisor"; }
    void configure(Section const& section) override
    {
        quotas_.configure(section);
        joins_.configure(section);
    }
    void declare(MethodTable& table) override;
    void start() override;
    void stop() override;
    [[nodiscard]] std::vector<std::string> warnings() const override;

    [[nodiscard]] std::shared_ptr<Key const> prove(
        std::string_view key, std::string_view token, Ip const& from) override;
    [[nodiscard]] std::shared_ptr<Key const> still(BoundKey const& bound, Ip const& from) override;
    [[nodiscard]] bool has_had_admin_key() const noexcept override { return keys_.has_had_admin(); }
    [[nodiscard]] AdminKeys admin_keys() const override
    {
        return {keys_.count_admins(clock_.now()), keys_.has_had_admin()};
    }
    [[nodiscard]] asio::awaitable<void> wrong_try(std::shared_ptr<Peer> peer, std::string shown_key) override;
    [[nodiscard]] std::vector<std::string> failed_logins() const override
    {
        return failed_.lines(clock_.now(), keys_.zone());
    }
    [[nodiscard]] std::shared_ptr<Key const> find_key(std::string_view id) const override;
    [[nodiscard]] std::optional<BoundKey> bound_to(std::string_view id) const override;
    [[nodiscard]] std::optional<AppAddress> callback(std::string_view app) const override;
    [[nodiscard]] Issued issue_at_start(
        std::string key_name, Role role, std::function<void(Db&, std::string const&)> also) override;
    [[nodiscard]] AdminKeys admin_keys_in(Db& db, Instant now) const override
    {
        return KeyRing::admins_in(db, now);
    }

private:
    struct Check {
        Ip agentip;
        ShownSecret key, token;
    };
    struct Login {
        ShownSecret key, token;
    };
    struct ByApp {
        AppName appname;
    };
    struct ByKey {
        std::string key;
    };
    struct DeleteKey {
        std::string key;
        bool cancel = false;
    };
    struct SetKey {
        std::string key;
        std::optional<KeyName> name;
        std::optional<Role> role;
        std::optional<AppGlobs> apps;
        std::optional<std::vector<IpRange>> iplist;
        std::optional<bool> enabled;
        std::optional<std::string> expires;
        std::optional<bool> files;
        std::optional<RunHosts> run_hosts;
        std::optional<QuotaChange> quota;
        bool rotate = false;
        std::chrono::seconds overlap{86'400};
    };
    struct SetApp {
        AppName appname;
        HostName appip;
        PortNumber appport;
    };
    struct List {
        std::string after;
        std::int64_t limit = 100;
    };

    [[nodiscard]] asio::awaitable<Reply> check(Check in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> login(Login in, Caller caller);
    void cut_links_of(std::string const& key, std::string_view why);
    [[nodiscard]] std::string warning_of_wide_keys() const;
    void end_loopback_authority(bool was_over);
    [[nodiscard]] Belongings belongings_of(Ip const& machine);
    void warn_of_no_admin(json::object& reply, std::size_t before) const;
    void write_uses_later();
    void end_links_in_time();
    [[nodiscard]] Reply callback_info(ByApp const& in) const;
    [[nodiscard]] Reply auth_by_key(ByKey const& in, Caller const& caller) const;
    [[nodiscard]] asio::awaitable<Reply> set_key(SetKey in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> new_key(SetKey in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> change_key(SetKey in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> rotate_key(SetKey in, Caller caller);
    [[nodiscard]] std::optional<Instant> expiry(std::string const& text) const;
    [[nodiscard]] asio::awaitable<Reply> delete_key(DeleteKey in, Caller caller);
    [[nodiscard]] json::object key_entry(KeyEntry const& entry) const;
    [[nodiscard]] json::object listed(KeyEntry const& entry) const;
    [[nodiscard]] Reply list_keys(List const& in) const;
    [[nodiscard]] asio::awaitable<Reply> set_app(SetApp in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> delete_app(ByApp in, Caller caller);
    [[nodiscard]] Reply list_apps(List const& in, Caller const& caller) const;

    KeyRing& keys_;
    KeyQuotas& quotas_;
    AppAddresses& apps_;
    Joins& joins_;
    Clock& clock_;
    Presence* presence_;
    WrongTries tries_;
    FailedLogins failed_;
    Timer writing_;
    Timer ending_;
    KeyEnd last_end_; ///< The links that were made with what has ended by then are cut.
};

} // namespace elves
