#include "supervisor.hpp"

#include <algorithm>

#include "elves/log.hpp"
#include "elves/one_shot.hpp"
#include "elves/page.hpp"
#include "elves/secret.hpp"
#include "elves/task_id.hpp"
#include "elves/trimmed.hpp"
#include "supervisor_fields.hpp"

namespace elves {

namespace {

constexpr std::chrono::minutes between_writes{1};
/// A clock that was set is noticed by then.
constexpr std::chrono::milliseconds longest_wait_for_end{500};
/// Keys that end together are handled in steps, so that the loop goes on.
constexpr int ends_at_once = 50;
constexpr std::chrono::seconds longest_overlap{30 * 86'400};

Error wrong_key()
{
    return {codes::wrong_key, "key and token do not fit, or the key is deleted, disabled or expired"};
}

Error no_such_key(std::string const& key)
{
    return {codes::no_such_key, "no such key: " + json::serialize(json::string(key))};
}

json::object app_entry(std::string const& app, AppAddress const& address)
{
    return {{"appname", app}, {"appip", address.host}, {"appport", std::to_string(address.port)}};
}

/// A page of `all` after `after`: what `entry` makes of each, left out where that is nothing.
template <class All, class Entry>
Reply page(std::string_view name, All const& all, std::string const& after, std::int64_t limit, Entry entry)
{
    auto const most = page_limit(limit);
    json::array entries;
    std::string last;
    std::size_t bytes = 0;
    for (auto at = all.upper_bound(after); at != all.end(); ++at) {
        std::optional<json::object> found = entry(*at);
        if (!found) continue;
        if (entries.size() == most || bytes >= page_bytes) {
            return {{name, std::move(entries)}, {"next", last}};
        }
        bytes += json::serialize(*found).size();
        entries.push_back(std::move(*found));
        last = at->first;
    }
    return Reply(json::object{{name, std::move(entries)}});
}

} // namespace

json::object Supervisor::key_entry(KeyEntry const& entry) const
{
    auto const& key = *entry.key;
    json::array ranges;
    for (auto const& range : key.ips) ranges.emplace_back(range.text());
    json::object fields{{"key", key.key}, {"name", key.name}, {"role", role_text(key.role)},
        {"apps", json::value_from(key.apps)}, {"iplist", std::move(ranges)},
        {"enabled", key.enabled ? "true" : "false"}, {"files", key.files ? "true" : "false"},
        {"run_hosts", key.run_hosts ? std::to_string(*key.run_hosts) : ""}, {"create_time", key.create_time},
        {"quota", quota_fields(key.quota)}, {"usage", usage_fields(quotas_.usage_of(key.key))}};
    if (key.expires) fields["expires"] = keys_.zone().text(*key.expires);
    return fields;
}

/// What only an admin's list tells.
json::object Supervisor::listed(KeyEntry const& entry) const
{
    auto const& zone = keys_.zone();
    auto fields = key_entry(entry);
    if (!entry.old_token_hash.empty()) fields["old_token_until"] = zone.text(entry.old_token_until);
    fields["used_time"] = entry.used ? zone.text(entry.used->at) : "";
    fields["used_from"] = entry.used ? entry.used->from.text() : "";
    return fields;
}

void Supervisor::declare(MethodTable& table)
{
    table
        .call<Check>("checkipauthbykey", Right::open,
            {required("agentip", &Check::agentip), required("key", &Check::key),
                required("token", &Check::token)},
            "Check whether a key, proven by its token, may access an agent.",
            [this](Check in, Caller caller) { return check(std::move(in), std::move(caller)); })
        .audited_by_rate();
    table.call<ByApp>("getappcallbackinfo", Right::read, {required("appname", &ByApp::appname)},
        "Where an app's processor listens.", [this](ByApp in, Caller const&) { return callback_info(in); });
    table.call<ByKey>("getauthbykey", Right::own, {required("key", &ByKey::key)},
        "What a key may do; another one's needs an admin.",
        [this](ByKey in, Caller const& caller) { return auth_by_key(in, caller); });
    table.call<SetKey>("setkey", Right::manage,
        {optional("key", &SetKey::key), optional("name", &SetKey::name), optional("role", &SetKey::role),
            optional("apps", &SetKey::apps), optional("iplist", &SetKey::iplist),
            optional("enabled", &SetKey::enabled), optional("expires", &SetKey::expires),
            optional("files", &SetKey::files), optional("run_hosts", &SetKey::run_hosts),
            optional("quota", &SetKey::quota), optional("rotate", &SetKey::rotate),
            optional("overlap", &SetKey::overlap)},
        "Changes what is given of a key; without `key` makes a new one. Shows a new token this once.",
        [this](SetKey in, Caller const& caller) { return set_key(std::move(in), caller); });
    table.call<DeleteKey>("delkey", Right::manage,
        {required("key", &DeleteKey::key), optional("cancel", &DeleteKey::cancel)},
        "Delete a key, and with `cancel` end its tasks and pause its cron jobs.",
        [this](DeleteKey in, Caller const& caller) { return delete_key(std::move(in), caller); });
    table
        .call<List>("listkeys", Right::manage,
            {optional("after", &List::after), optional("limit", &List::limit)},
            "All keys, in pages; no tokens.", [this](List in, Caller const&) { return list_keys(in); })
        .only_reads();
    table.call<SetApp>("setapp", Right::manage,
        {required("appname", &SetApp::appname), required("appip", &SetApp::appip),
            required("appport", &SetApp::appport)},
        "Says where an app's processor listens.",
        [this](SetApp in, Caller const& caller) { return set_app(std::move(in), caller); });
    table.call<ByApp>("delapp", Right::manage, {required("appname", &ByApp::appname)},
        "Deletes an app's address.",
        [this](ByApp in, Caller const& caller) { return delete_app(std::move(in), caller); });
    table
        .call<List>("listapps", Right::read,
            {optional("after", &List::after), optional("limit", &List::limit)},
            "All apps that have a processor, in pages.",
            [this](List in, Caller const& caller) { return list_apps(in, caller); })
        .cut_by_app();
    table
        .call<Login>("login", Right::open, {required("key", &Login::key), required("token", &Login::token)},
            "Bind this connection to a key.",
            [this](Login in, Caller caller) { return login(std::move(in), std::move(caller)); })
        .audited_by_rate();
    joins_.declare(table);
}

void Supervisor::start()
{
    keys_.load(clock_.now());
    apps_.load();
    last_end_ = {clock_.now(), {}};
    write_uses_later();
    end_links_in_time();
}

void Supervisor::stop()
{
    writing_.stop();
    ending_.stop();
    keys_.write_uses();
}

std::vector<std::string> Supervisor::warnings() const
{
    std::vector<std::string> all;
    if (auto line = warning_of_wide_keys(); !line.empty()) all.push_back(std::move(line));
    return all;
}

/// Names the first few. Counts no further than `most_counted`: this is asked for while the loop runs.
std::string Supervisor::warning_of_wide_keys() const
{
    constexpr std::size_t most_named = 5;
    constexpr std::size_t most_counted = 1'000;
    auto const now = clock_.now();
    std::string named;
    std::size_t count = 0;
    for (auto const& id : keys_.wide_agent_keys()) {
        auto const& key = *keys_.find(id)->key;
        if (key.expires && *key.expires <= now) continue;
        if (++count > most_counted) break;
        if (count > most_named) continue;
        named += (count == 1 ? "" : ", ") + id + (key.name.empty() ? "" : " (" + key.name + ")");
    }
    if (count == 0) return {};
    if (count > most_counted)
        named += " and more";
    else if (count > most_named)
        named += " and " + std::to_string(count - most_named) + " more";
    return "agent keys that cover more than one address: " + named +
           "; each of their machines can register any free address of the range. Give each machine its own "
           "key "
           "(elvesctl agents accept, or a join token), and delete these";
}

void Supervisor::write_uses_later()
{
    writing_ = clock_.after(between_writes, [this] {
        keys_.write_uses();
        write_uses_later();
    });
}

/// Calls are judged one by one, but what the server sends is not: a link ends with what proved it.
void Supervisor::end_links_in_time()
{
    auto const now = clock_.now();
    // The clock was set back: what has ended counts again, and ends again.
    if (now < last_end_.at) last_end_ = {now, {}};
    auto next = keys_.next_end(last_end_);
    for (int step = 0; step < ends_at_once && next && next->at <= now; ++step) {
        last_end_ = *next;
        auto const& key = *keys_.find(next->key)->key;
        cut_links_of(next->key, key.expires == next->at ? "has expired" : "has a new token");
        next = keys_.next_end(last_end_);
    }
    auto wait = longest_wait_for_end;
    if (next) wait = std::clamp(next->at - now, std::chrono::milliseconds(0), wait);
    ending_ = clock_.after(wait, [this] { end_links_in_time(); });
}

std::shared_ptr<Key const> Supervisor::prove(std::string_view key, std::string_view token, Ip const& from)
{
    auto const now = clock_.now();
    auto proven = keys_.proven(key, token, now);
    if (!proven) throw wrong_key();
    keys_.use(key, from, now);
    return proven;
}

std::shared_ptr<Key const> Supervisor::still(BoundKey const& bound, Ip const& from)
{
    auto const now = clock_.now();
    auto proven = keys_.still_proven(bound, now);
    if (!proven) throw wrong_key();
    keys_.use(bound.key, from, now);
    return proven;
}

asio::awaitable<void> Supervisor::wrong_try(std::shared_ptr<Peer> peer, std::string shown_key)
{
    auto const [wait, is_news] = tries_.note(peer->ip(), clock_.steady());
    if (is_news)
        ELVES_LOG(
            warning, "a wrong key or token from " << peer->address() << " key=" << key_start(shown_key));
    failed_.note(shown_key, peer->ip(), clock_.now());
    auto const from = peer->ip();
    if (!tries_.begin_wait(from)) {
        // The answer is not delayed, and is the last one on that connection.
        peer->close("too many answers to failed logins wait");
        co_return;
    }
    co_await pause(clock_, wait);
    tries_.end_wait(from);
}

std::shared_ptr<Key const> Supervisor::find_key(std::string_view id) const
{
    auto const* const entry = keys_.find(id);
    return entry ? entry->key : nullptr;
}

std::optional<BoundKey> Supervisor::bound_to(std::string_view id) const
{
    auto const* const entry = keys_.find(id);
    if (!entry) return std::nullopt;
    return BoundKey{entry->key->key, entry->token_hash};
}

std::optional<AppAddress> Supervisor::callback(std::string_view app) const
{
    auto const* const found = apps_.find(app);
    return found ? std::optional(*found) : std::nullopt;
}

KeyIssuer::Issued Supervisor::issue_at_start(
    std::string key_name, Role role, std::function<void(Db&, std::string const&)> also)
{
    auto name_field = FieldType<KeyName>::read("name", JsonDocument::string(key_name).root());
    Issued issued{TaskId::random().text(), new_token()};
    Key key{issued.key, std::move(name_field.text), role, {"*"}, {IpRange::parse("*").value()}, true, {}, {}};
    Store::Work about = [also = std::move(also), id = issued.key](Db& db) {
        if (also) also(db, id);
    };
    keys_.add_at_start(std::move(key), issued.token, clock_.now(), std::move(about));
    return issued;
}

asio::awaitable<Reply> Supervisor::check(Check in, Caller caller)
{
    auto const key = keys_.proven(in.key.text, in.token.text, clock_.now());
    if (!key) {
        if (caller.audit) caller.audit->claim(in.key.text);
        auto shown = in.key.text;
        co_await wrong_try(caller.peer, std::move(shown));
    }
    co_return Reply(json::object{{"status", key && key->may_touch(in.agentip) ? "true" : "false"}});
}

asio::awaitable<Reply> Supervisor::login(Login in, Caller caller)
{
    auto const key = keys_.proven(in.key.text, in.token.text, clock_.now());
    if (!key) {
        auto shown = in.key.text;
        co_await wrong_try(caller.peer, std::move(shown));
        throw wrong_key();
    }
    if (caller.audit) caller.audit->prove(key->key);
    keys_.use(key->key, caller.peer->ip(), clock_.now());
    caller.peer->bind_key(KeyRing::bound(key->key, in.token.text));
    co_return Reply();
}

Reply Supervisor::callback_info(ByApp const& in) const
{
    auto const* const found = apps_.find(in.appname.text);
    if (!found)
        throw Error(
            codes::no_app, "app " + in.appname.text + " has no callback address; setapp gives it one");
    return {{"appip", found->host}, {"appport", std::to_string(found->port)}};
}

Reply Supervisor::auth_by_key(ByKey const& in, Caller const& caller) const
{
    bool const own = caller.key && caller.key->key == in.key;
    if (!own && !caller.may(Right::manage)) {
        throw Error(
            codes::forbidden, "key " + caller.key->key + " may ask about itself only; `key` is another one");
    }
    auto const* const found = keys_.find(in.key);
    if (!found) throw no_such_key(in.key);
    return Reply(json::object{{"auth", key_entry(*found)}});
}

asio::awaitable<Reply> Supervisor::set_key(SetKey in, Caller caller)
{
    if (in.overlap > longest_overlap) {
        throw Error(codes::bad_field, "`overlap` is " + std::to_string(in.overlap.count()) + "; give 0 to " +
                                          std::to_string(longest_overlap.count()) + " seconds");
    }
    if (in.key.empty()) return new_key(std::move(in), std::move(caller));
    return in.rotate ? rotate_key(std::move(in), std::move(caller))
                     : change_key(std::move(in), std::move(caller));
}

std::optional<Instant> Supervisor::expiry(std::string const& text) const
{
    if (text == "never") return std::nullopt;
    auto const time = keys_.zone().parse(trimmed(text));
    if (!time)
        throw Error(codes::bad_field, field_is("expires", text) + "; give YYYY-MM-DD HH:MM:SS, or never");
    if (*time <= clock_.now())
        throw Error(codes::bad_field,
            field_is("expires", text) +
                ", which is in the past; give a time to come, or never. To end a key, disable "
                "or delete it");
    return time;
}

asio::awaitable<Reply> Supervisor::rotate_key(SetKey in, Caller caller)
{
    bool const is_more = in.name || in.role || in.apps || in.iplist || in.enabled || in.expires || in.files ||
                         in.quota || in.run_hosts;
    if (is_more)
        throw Error(
            codes::bad_field, "`rotate` stands alone with `key` and `overlap`; change the rest apart");
    auto const token = new_token();
    auto also = caller.also();
    auto const now = clock_.now();
    bool const ends_one = co_await keys_.rotate(in.key, token, now, in.overlap, std::move(also));
    if (ends_one) cut_links_of(in.key, "has a new token");
    co_return Reply(json::object{{"key", in.key}, {"token", token}});
}

asio::awaitable<Reply> Supervisor::change_key(SetKey in, Caller caller)
{
    KeyChange change;
    if (in.name) change.name = std::move(in.name->text);
    change.role = in.role;
    if (in.apps) change.apps = std::move(in.apps->entries);
    change.ips = std::move(in.iplist);
    change.enabled = in.enabled;
    change.files = in.files;
    if (in.expires) change.expires = expiry(*in.expires);
    change.quota = in.quota;
    if (in.run_hosts) change.run_hosts = in.run_hosts->most;
    bool const keeps_rights =
        !change.role && !change.apps && !change.ips && !change.enabled && !change.expires;
    auto also = caller.also();
    bool const was_over = keys_.has_had_admin();
    auto const admins = admin_keys().count;
    co_await keys_.change(in.key, std::move(change), clock_.now(), std::move(also));
    bool const is_disabled = in.enabled && !*in.enabled;
    if (!keeps_rights) cut_links_of(in.key, is_disabled ? "was disabled" : "was changed");
    quotas_.on_key_changed(in.key);
    end_loopback_authority(was_over);
    json::object fields{{"key", in.key}};
    warn_of_no_admin(fields, admins);
    co_return Reply(std::move(fields));
}

asio::awaitable<Reply> Supervisor::new_key(SetKey in, Caller caller)
{
    Key key;
    key.key = TaskId::random().text();
    if (in.name) key.name = std::move(in.name->text);
    key.role = in.role.value_or(Role::viewer);
    if (in.apps) key.apps = std::move(in.apps->entries);
    if (in.iplist) key.ips = std::move(*in.iplist);
    key.enabled = in.enabled.value_or(true);
    if (in.expires) key.expires = expiry(*in.expires);
    key.files = in.files.value_or(false);
    if (in.run_hosts) key.run_hosts = in.run_hosts->most;
    if (in.quota) in.quota->apply_to(key.quota);
    auto const token = new_token();
    json::object fields{{"key", key.key}, {"token", token}};
    auto also = caller.also(key.key);
    bool const was_over = keys_.has_had_admin();
    co_await keys_.add(std::move(key), token, clock_.now(), std::move(also));
    end_loopback_authority(was_over);
    co_return Reply(std::move(fields));
}

asio::awaitable<Reply> Supervisor::delete_key(DeleteKey in, Caller caller)
{
    auto const usage = quotas_.usage_of(in.key);
    auto const admins = admin_keys().count;
    // A deleted key may be named again to end what it left behind, or what a crash kept from being ended.
    bool const is_left_behind = !keys_.find(in.key) && (usage.waiting_tasks > 0 || usage.cron_jobs > 0);
    if (!in.cancel || !is_left_behind) {
        auto also = together(joins_.withdrawing(in.key), caller.also());
        co_await keys_.erase(in.key, std::move(also));
        cut_links_of(in.key, "was deleted");
        quotas_.on_key_deleted(in.key);
    }
    if (in.cancel) co_await quotas_.end_all(in.key);
    json::object fields{
        {"waiting", std::to_string(usage.waiting_tasks)}, {"cron_jobs", std::to_string(usage.cron_jobs)}};
    warn_of_no_admin(fields, admins);
    co_return Reply(std::move(fields));
}

/// The first admin key counts from now on: agents that registered over loopback without a key register anew,
/// with one. `was_over`: as it was before the change.
void Supervisor::end_loopback_authority(bool was_over)
{
    if (was_over || !keys_.has_had_admin()) return;
    ELVES_LOG(
        info, "auth.first_admin_key: loopback without a key is no admin any more ([auth] mode protected)");
    cut_links_of("", "counts no longer");
}

/// A machine that comes again afterwards asks to join as a new one does: nothing remembers that it was here.
Belongings Supervisor::belongings_of(Ip const& machine)
{
    auto const keys = keys_.of_machine(machine);
    Belongings all;
    all.shown["keys"] = json::value_from(keys);
    all.is_any = !keys.empty();
    all.erase = [machine, keys](Db& db) {
        for (auto const& key : keys) KeyRing::remove(db, key);
        JoinRecords const joins(db);
        for (auto const& request : joins.of(machine)) joins.erase(machine, request.ask.hash);
    };
    all.on_erased = [this, keys] {
        for (auto const& key : keys) {
            keys_.drop(key);
            cut_links_of(key, "was deleted: its machine was forgotten");
            quotas_.on_key_deleted(key);
        }
    };
    return all;
}

/// Not refused: whoever ends a key that was stolen must not have to make another one first, and root on the
/// server's machine always has a way in.
void Supervisor::warn_of_no_admin(json::object& reply, std::size_t before) const
{
    if (before == 0 || admin_keys().count > 0) return;
    ELVES_LOG(warning, "auth.last_admin_key_gone: no admin key counts any more");
    reply["warning"] =
        "no admin key counts any more: make one over the server's Unix socket ([server] socket), or "
        "stop the server and run elvesd --init-admin NAME";
}

/// Calls on a link are judged one by one; but an agent that is only instructed makes none.
void Supervisor::cut_links_of(std::string const& key, std::string_view why)
{
    if (presence_) presence_->cut_links_of(key, why);
}

Reply Supervisor::list_keys(List const& in) const
{
    auto reply = page("keys", keys_.all(), in.after, in.limit,
        [this](auto const& each) { return std::optional(listed(each.second)); });
    if (!in.after.empty()) return reply;
    json::array deleted;
    for (auto const& key : quotas_.deleted_holders()) {
        if (deleted.size() == longest_page) break;
        deleted.push_back(json::object{{"key", key}, {"usage", usage_fields(quotas_.usage_of(key))}});
    }
    reply.fields()["deleted"] = std::move(deleted);
    return reply;
}

asio::awaitable<Reply> Supervisor::set_app(SetApp in, Caller caller)
{
    AppAddress address{std::move(in.appip.text), in.appport.number};
    auto also = caller.also();
    co_await apps_.put(std::move(in.appname.text), std::move(address), std::move(also));
    co_return Reply();
}

asio::awaitable<Reply> Supervisor::delete_app(ByApp in, Caller caller)
{
    auto also = caller.also();
    co_await apps_.erase(std::move(in.appname.text), std::move(also));
    co_return Reply();
}

Reply Supervisor::list_apps(List const& in, Caller const& caller) const
{
    return page("apps", apps_.all(), in.after, in.limit, [&](auto const& each) {
        return caller.may_use(each.first) ? std::optional(app_entry(each.first, each.second)) : std::nullopt;
    });
}

} // namespace elves
