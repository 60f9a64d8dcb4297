#include "joins.hpp"

#include <algorithm>

#include "elves/log.hpp"
#include "elves/page.hpp"
#include "elves/secret.hpp"
#include "join_fields.hpp"

namespace elves {

namespace {

constexpr std::chrono::seconds shortest_token_life{60};

Error no_request(Ip const& ip) { return {codes::no_join, "no machine asks to join as " + ip.text()}; }

/// As it is shown, or without its dashes; at least so much of the hash.
bool is_of(std::string fingerprint_, std::string_view hash)
{
    std::transform(fingerprint_.begin(), fingerprint_.end(), fingerprint_.begin(),
        [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
    return fingerprint_ == fingerprint(hash) || fingerprint_ == hash;
}

/// The one that is meant. Without a fingerprint only one that waits, and only where it is the only one.
JoinRequest meant(std::vector<JoinRequest> const& all, Ip const& ip, std::string const& fingerprint_)
{
    std::vector<JoinRequest> found;
    std::string fingerprints;
    for (auto const& request : all) {
        if (fingerprint_.empty() ? request.is_rejected : !is_of(fingerprint_, request.ask.hash)) continue;
        fingerprints += (found.empty() ? "" : ", ") + fingerprint(request.ask.hash);
        found.push_back(request);
    }
    if (found.empty()) throw no_request(ip);
    if (found.size() > 1) {
        throw Error(codes::bad_field, "`fingerprint` is missing: " + std::to_string(found.size()) +
                                          " machines ask to join as " + ip.text() +
                                          "; compare and give one of " + fingerprints);
    }
    return found.front();
}

Key agent_key(std::string id, JoinAsk const& ask)
{
    Key key;
    key.key = std::move(id);
    key.name = ask.asset.empty() ? ask.ip.text() : ask.asset;
    key.role = Role::agent;
    key.apps = {"*"};
    key.ips = {IpRange::parse(ask.ip.text()).value()};
    return key;
}

json::object shown_request(JoinRequest const& request, bool is_taken, Zone const& zone)
{
    auto const* const status = request.is_rejected ? "rejected" : is_taken ? "conflict" : "pending";
    return {{"agentip", request.ask.ip.text()}, {"fingerprint", fingerprint(request.ask.hash)},
        {"status", status}, {"asset", request.ask.asset}, {"version", request.ask.version},
        {"from", request.ask.from.text()}, {"first_time", zone.text(request.first)},
        {"last_time", zone.text(request.last)}};
}

json::object shown_token(JoinToken const& token, Zone const& zone)
{
    return {{"id", token.id}, {"name", token.name}, {"cidr", token.cidr ? token.cidr->text() : ""},
        {"create_time", zone.text(token.created)}, {"expires", zone.text(token.expires)},
        {"used_time", token.used ? zone.text(*token.used) : ""}, {"used_ip", token.used_ip}};
}

} // namespace

void Joins::configure(Section const& section)
{
    constexpr std::int64_t most = 1'000'000;
    auto const of_one = section.number("join_rate", 60, 1, most);
    auto const of_all = section.number("join_rate_all", 6'000, 1, most);
    if (of_all < of_one)
        section.refuse("join_rate_all", std::to_string(of_all) + " is less than join_rate (" +
                                            std::to_string(of_one) + "); give at least as much");
    limit_ = AskLimit(static_cast<std::size_t>(of_one), static_cast<std::size_t>(of_all));
    JoinLimits limits;
    limits.waiting = section.number("join_waiting", limits.waiting, 1, most);
    limits.waiting_of_one_asker =
        section.number("join_waiting_from_one", limits.waiting_of_one_asker, 1, most);
    limits.waiting_of_one_ip = section.number("join_waiting_as_one", limits.waiting_of_one_ip, 1, most);
    limits_ = limits;
}

void Joins::declare(MethodTable& table)
{
    table
        .call<Ask>("join", Right::open,
            {required("agentip", &Ask::agentip), required("hash", &Ask::hash), optional("asset", &Ask::asset),
                optional("version", &Ask::version), optional("join_token", &Ask::join_token)},
            "A machine asks for a key of its own: whose token has that hash.",
            [this](Ask in, Caller caller) { return join(std::move(in), std::move(caller)); })
        .may_change();
    table
        .call<List>("listjoins", Right::manage,
            {optional("after", &List::after), optional("limit", &List::limit)},
            "The machines that ask to join, and those that were rejected, in pages.",
            [this](List in, Caller caller) { return list(in, std::move(caller)); })
        .only_reads()
        .cut_by_ip();
    table.call<Named>("acceptjoin", Right::manage,
        {required("agentip", &Named::agentip), optional("fingerprint", &Named::fingerprint),
            optional("replace", &Named::replace)},
        "Gives that machine its key; with `replace` in place of the one that holds its address.",
        [this](Named in, Caller caller) { return accept(std::move(in), std::move(caller)); });
    table.call<Named>("rejectjoin", Right::manage,
        {required("agentip", &Named::agentip), optional("fingerprint", &Named::fingerprint)},
        "Lets that machine wait no longer; without a fingerprint all that ask as that address.",
        [this](Named in, Caller caller) { return reject(std::move(in), std::move(caller)); });
    table.call<NewToken>("addjointoken", Right::manage,
        {optional("name", &NewToken::name), optional("cidr", &NewToken::cidr),
            optional("lifetime", &NewToken::lifetime)},
        "Makes a token that lets one machine in, or all of a range. Shows it this once.",
        [this](NewToken in, Caller caller) { return add_token(std::move(in), std::move(caller)); });
    table
        .call<Nothing>("listjointokens", Right::manage, {}, "All join tokens, without what is secret.",
            [this](Nothing, Caller const&) { return list_tokens(); })
        .only_reads();
    table.call<ById>("deljointoken", Right::manage, {required("id", &ById::id)}, "Deletes a join token.",
        [this](ById in, Caller caller) { return delete_token(in, std::move(caller)); });
}

asio::awaitable<Reply> Joins::join(Ask in, Caller caller)
{
    JoinAsk ask{in.agentip, std::move(in.hash.text), std::move(in.asset.text), std::move(in.version.text),
        caller.peer->ip()};
    if (!limit_.take(ask.from, clock_.steady()))
        throw Error(codes::too_much,
            "too many ask to join just now; try again in a minute ([supervisor] join_rate, join_rate_all)");
    // An agent that does not know of pins sends its token with the pin.
    auto const token_hash =
        in.join_token ? sha256_hex(JoinTokenText::parse(in.join_token->text).secret) : std::string();
    if (in.join_token) keys_.require_room();
    auto key = TaskId::random().text();
    auto also = caller.also(key);
    std::function<Verdict(Db&)> work = [ask, token_hash, key = std::move(key), also = std::move(also),
                                           limits = limits_, online = online_by(ask.ip, *caller.peer),
                                           now = clock_.now()](Db& db) {
        auto verdict = judge(JoinRecords(db, limits), db, ask, token_hash, key, online, now);
        if (verdict.made && also) also(db);
        return verdict;
    };
    auto verdict = co_await store_.write_for(std::move(work));
    if (verdict.made) keys_.keep(*verdict.made, ask.hash, clock_.now());
    // One whose row can't be read is none.
    if (verdict.outcome == Outcome::accepted && !keys_.find(verdict.key)) verdict.outcome = Outcome::rejected;
    tell(ask, verdict, caller.peer->address());
    if (verdict.outcome == Outcome::taken) {
        throw Error(codes::address_taken, "another machine is " + ask.ip.text() +
                                              ": an admin has to accept this one in its place, by its "
                                              "fingerprint, or give it another address");
    }
    json::object fields;
    fields["status"] = verdict.outcome == Outcome::accepted   ? "accepted"
                       : verdict.outcome == Outcome::rejected ? "rejected"
                                                              : "pending";
    if (verdict.outcome == Outcome::accepted) fields["key"] = verdict.key;
    if (!verdict.why.empty()) fields["why"] = verdict.why;
    co_return Reply(std::move(fields));
}

/// Whether it is let in is decided where it is written, so that no two can be the first.
Joins::Verdict Joins::judge(JoinRecords const& records, Db& db, JoinAsk const& ask,
    std::string const& token_hash, std::string const& key, std::string const& online_by, Instant now)
{
    auto const holder = KeyRing::holder(db, ask.ip, ask.hash, now);
    if (holder && holder->is_same)
        return {holder->counts ? Outcome::accepted : Outcome::rejected, holder->key, {}, {}, false};
    auto const known = records.find(ask.ip, ask.hash);
    Verdict verdict{Outcome::waits, {}, {}, {}, !known};
    if (known && known->is_rejected) {
        verdict.outcome = Outcome::rejected;
    } else if (holder) {
        verdict.outcome = Outcome::taken;
        verdict.key = holder->key;
    } else if (!token_hash.empty() && !online_by.empty()) {
        verdict.why = "an agent of that address is online";
    } else if (!token_hash.empty()) {
        verdict.why = records.use_token(token_hash, ask, now);
        if (verdict.why.empty()) {
            verdict = {Outcome::accepted, key, {}, agent_key(key, ask), true};
            KeyRing::insert(db, *verdict.made, ask.hash, now);
            records.erase(ask.ip, ask.hash);
            return verdict;
        }
    }
    records.wait(ask, known, now);
    return verdict;
}

std::string Joins::online_by(Ip const& ip, Peer const& asking) const
{
    return presence_ && presence_->agent_of(asking) != ip ? presence_->online_by(ip) : std::string();
}

void Joins::tell(JoinAsk const& ask, Verdict const& verdict, std::string const& address)
{
    if (!verdict.is_news) return;
    auto const who = ask.ip.text() + " (" + fingerprint(ask.hash) + ", from " + address + ")";
    if (verdict.outcome == Outcome::taken) {
        ELVES_LOG(warning,
            "refused " << who << ": the agent of that address is another machine, with key " << verdict.key);
    } else if (verdict.made) {
        ELVES_LOG(info, "a join token has let in " << who << ", with key " << verdict.key);
    } else {
        ELVES_LOG(info, who << " asks to join");
    }
    if (!verdict.why.empty())
        ELVES_LOG(warning, "the join token of " << who << " did not let it in: " << verdict.why);
}

asio::awaitable<Reply> Joins::list(List in, Caller caller)
{
    static_cast<void>(page_limit(in.limit));
    if (in.after < 0)
        throw Error(codes::bad_field, "`after` is " + std::to_string(in.after) + "; give `next`");
    using Page = std::vector<std::pair<JoinRequest, bool>>;
    std::function<Page(Db&)> work = [in, now = clock_.now()](Db& db) {
        Page page;
        for (auto& request : JoinRecords(db).page(in.after, in.limit + 1)) {
            auto const holder = KeyRing::holder(db, request.ask.ip, request.ask.hash, now);
            page.emplace_back(std::move(request), holder && !holder->is_same);
        }
        return page;
    };
    auto page = co_await store_.read(std::move(work));
    json::object fields;
    if (page.size() > static_cast<std::size_t>(in.limit)) {
        page.pop_back();
        fields["next"] = std::to_string(page.back().first.id);
    }
    json::array joins;
    for (auto const& [request, is_held] : page) {
        bool const is_taken = is_held || !online_by(request.ask.ip, *caller.peer).empty();
        if (caller.may_touch(request.ask.ip)) joins.push_back(shown_request(request, is_taken, keys_.zone()));
    }
    fields["joins"] = std::move(joins);
    co_return Reply(std::move(fields));
}

asio::awaitable<Reply> Joins::accept(Named in, Caller caller)
{
    keys_.require_room();
    auto const now = clock_.now();
    auto key = TaskId::random().text();
    auto also = caller.also(key);
    std::function<Accepted(Db&)> work = [in, key = std::move(key), also = std::move(also),
                                            online = online_by(in.agentip, *caller.peer), now](Db& db) {
        auto accepted = let_in(db, in, key, online, now);
        if (also) also(db);
        return accepted;
    };
    auto const accepted = co_await store_.write_for(std::move(work));
    keys_.keep(accepted.key, accepted.ask.hash, now);
    auto const print = fingerprint(accepted.ask.hash);
    ELVES_LOG(info, caller.peer->address() << " has accepted " << accepted.ask.ip.text() << " (" << print
                                           << "), with key " << accepted.key.key);
    for (auto const& replaced : accepted.replaced) {
        keys_.drop(replaced);
        if (presence_) presence_->cut_links_of(replaced, "was replaced");
        ELVES_LOG(info, "it takes the place of key " << replaced);
    }
    co_return Reply(json::object{{"agentip", accepted.ask.ip.text()}, {"fingerprint", print},
        {"key", accepted.key.key}, {"replaced", json::value_from(accepted.replaced)}});
}

Joins::Accepted Joins::let_in(
    Db& db, Named const& named, std::string const& key, std::string const& online_by, Instant now)
{
    JoinRecords const records(db);
    auto const request = meant(records.of(named.agentip), named.agentip, named.fingerprint);
    auto const holder = KeyRing::holder(db, request.ask.ip, request.ask.hash, now);
    bool const is_meant = named.replace && !named.fingerprint.empty();
    if (holder && !is_meant) {
        throw Error(codes::address_taken,
            "another machine is " + request.ask.ip.text() + ", with key " + holder->key +
                "; give `fingerprint` and `replace` to take that one's key away, or delete it yourself");
    }
    if (!online_by.empty() && !is_meant) {
        throw Error(codes::address_taken,
            "another machine is " + request.ask.ip.text() + ", online with key " + online_by +
                "; give `fingerprint` and `replace` if this one is to be it all the same, once that one's "
                "certificate, or its address in that key, is gone");
    }
    Accepted accepted{request.ask, agent_key(key, request.ask), {}};
    for (auto other = holder; other; other = KeyRing::holder(db, request.ask.ip, request.ask.hash, now)) {
        KeyRing::remove(db, other->key);
        accepted.replaced.push_back(other->key);
    }
    KeyRing::insert(db, accepted.key, request.ask.hash, now);
    records.erase(request.ask.ip, request.ask.hash);
    return accepted;
}

/// Of a machine that was let in already, its key is what shuts it out.
static Error nobody_to_reject(Db& db, Ip const& agent, Instant now)
{
    auto const holder = KeyRing::holder(db, agent, "", now);
    if (!holder) return no_request(agent);
    return {codes::no_join,
        "no machine asks to join as " + agent.text() + ": it was let in, with key " + holder->key +
            "; delete or disable that key to shut it out (elvesctl key del " + holder->key + ")"};
}

asio::awaitable<Reply> Joins::reject(Named in, Caller caller)
{
    std::function<std::int64_t(Db&)> work = [in, now = clock_.now(), also = caller.also()](Db& db) {
        JoinRecords const records(db);
        std::int64_t count = 0;
        for (auto const& request : records.of(in.agentip)) {
            bool const is_meant =
                in.fingerprint.empty() ? !request.is_rejected : is_of(in.fingerprint, request.ask.hash);
            if (!is_meant) continue;
            records.reject(request.id);
            ++count;
        }
        // Who is listed as rejected stays so: to say it again is no fault.
        if (count == 0 && in.fingerprint.empty())
            count = static_cast<std::int64_t>(records.of(in.agentip).size());
        if (count == 0) throw nobody_to_reject(db, in.agentip, now);
        if (also) also(db);
        return count;
    };
    auto const count = co_await store_.write_for(std::move(work));
    ELVES_LOG(info, caller.peer->address()
                        << " has rejected " << count << " that asked to join as " << in.agentip.text());
    co_return Reply(json::object{{"rejected", std::to_string(count)}});
}

Store::Work Joins::withdrawing(std::string_view key) const
{
    auto const* const entry = keys_.find(key);
    bool const is_one_machine = entry && entry->key->role == Role::agent && entry->key->ips.is_single();
    if (!is_one_machine) return {};
    auto const ip = entry->key->ips.begin()->first();
    JoinAsk ask{ip, entry->token_hash, entry->key->name, {}, entry->used ? entry->used->from : ip};
    return
        [ask = std::move(ask), now = clock_.now()](Db& db) { JoinRecords(db).remember_rejected(ask, now); };
}

asio::awaitable<Reply> Joins::add_token(NewToken in, Caller caller)
{
    if (in.lifetime < shortest_token_life || in.lifetime > JoinRecords::longest_token_life) {
        throw Error(codes::bad_field,
            "`lifetime` is " + std::to_string(in.lifetime.count()) + "; give 60 to " +
                std::to_string(std::chrono::seconds(JoinRecords::longest_token_life).count()) + " seconds");
    }
    auto const now = clock_.now();
    JoinToken token{TaskId::random().text(), std::move(in.name.text), {}, now, now + in.lifetime, {}, {}};
    if (in.cidr) token.cidr = in.cidr->range;
    // Another beginning than a key's: what is found somewhere tells what it is.
    constexpr std::size_t bytes = 32;
    auto const secret = "elvjoin_" + random_token(bytes);
    Store::Work work = [token, hash = sha256_hex(secret)](Db& db) { JoinRecords(db).add_token(token, hash); };
    work = together(std::move(work), caller.also(token.id));
    co_await store_.write(std::move(work));
    JoinTokenText const text{secret, identity_ ? identity_->certificate_fingerprint() : std::string()};
    json::object fields{
        {"id", token.id}, {"token", text.text()}, {"expires", keys_.zone().text(token.expires)}};
    if (!text.pin.empty()) fields["pin"] = text.pin;
    co_return Reply(std::move(fields));
}

asio::awaitable<Reply> Joins::list_tokens()
{
    std::function<std::vector<JoinToken>(Db&)> work = [](Db& db) { return JoinRecords(db).tokens(); };
    auto const all = co_await store_.read(std::move(work));
    json::array tokens;
    for (auto const& token : all) tokens.push_back(shown_token(token, keys_.zone()));
    co_return Reply(json::object{{"tokens", std::move(tokens)}});
}

asio::awaitable<Reply> Joins::delete_token(ById in, Caller caller)
{
    auto const id = in.id.text();
    Store::Work work = [id](Db& db) {
        if (!JoinRecords(db).erase_token(id)) throw Error(codes::no_join, "no such join token: " + id);
    };
    work = together(std::move(work), caller.also());
    co_await store_.write(std::move(work));
    co_return Reply();
}

void Joins::write_metrics(MetricWriter& to)
{
    auto const help = "Machines that ask to join, as they were at the scrape before.";
    to.gauge("agents_joining", help, static_cast<double>(counted_.waiting), {{"state", "waiting"}});
    to.gauge("agents_joining", help, static_cast<double>(counted_.rejected), {{"state", "rejected"}});
    if (std::exchange(is_counting_, true)) return;
    auto const counts = std::make_shared<JoinRecords::Counts>();
    store_.post_scan([counts](Db& db) { *counts = JoinRecords(db).counts(); },
        [this, counts](std::exception_ptr const& failure) {
            is_counting_ = false;
            if (!failure) counted_ = *counts;
        });
}

} // namespace elves
