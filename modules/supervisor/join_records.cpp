#include "join_records.hpp"

#include "elves/error.hpp"
#include "elves/rate_limit_key.hpp"

namespace elves {

namespace {

constexpr std::string_view select_of =
    "SELECT id, ip, hash, asset, version, from_ip, is_rejected, first_time, last_time FROM join_request"
    " WHERE ip = ?1 ORDER BY id";
constexpr std::string_view select_one =
    "SELECT id, ip, hash, asset, version, from_ip, is_rejected, first_time, last_time FROM join_request"
    " WHERE ip = ?1 AND hash = ?2";
constexpr std::string_view select_page =
    "SELECT id, ip, hash, asset, version, from_ip, is_rejected, first_time, last_time FROM join_request"
    " WHERE id > ?1 ORDER BY id LIMIT ?2";

constexpr std::string_view upsert =
    "INSERT INTO join_request (ip, hash, asset, version, from_ip, asker, is_rejected, first_time, last_time)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8) ON CONFLICT (ip, hash) DO UPDATE SET"
    " asset = excluded.asset, version = excluded.version, from_ip = excluded.from_ip, asker = excluded.asker,"
    " is_rejected = max(is_rejected, excluded.is_rejected), last_time = excluded.last_time";

constexpr std::string_view delete_old = "DELETE FROM join_request WHERE is_rejected = ?1 AND last_time < ?2";
constexpr std::string_view count_all = "SELECT is_rejected, count(*) FROM join_request GROUP BY is_rejected";
constexpr std::string_view count_waiting = "SELECT count(*) FROM join_request WHERE is_rejected = 0";
// With + by the index on the other column: those of one, and not all that wait.
constexpr std::string_view count_of_asker =
    "SELECT count(*) FROM join_request WHERE asker = ?1 AND +is_rejected = 0";
// By others: who is at that address itself is not kept out by who only says so.
constexpr std::string_view count_of_ip =
    "SELECT count(*) FROM join_request WHERE ip = ?1 AND from_ip <> ip AND +is_rejected = 0";
constexpr std::string_view count_rejected =
    "SELECT count(*) FROM join_request WHERE ip = ?1 AND +is_rejected = 1";
constexpr std::string_view update_rejected = "UPDATE join_request SET is_rejected = 1 WHERE id = ?1";
constexpr std::string_view delete_request = "DELETE FROM join_request WHERE ip = ?1 AND hash = ?2";

constexpr std::string_view insert_token =
    "INSERT INTO join_token (id, name, token_hash, cidr, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
constexpr std::string_view select_tokens =
    "SELECT id, name, cidr, created, expires, used_time, used_ip FROM join_token ORDER BY created, id";
constexpr std::string_view select_token =
    "SELECT id, cidr, expires, used_time FROM join_token WHERE token_hash = ?1";
constexpr std::string_view delete_expired = "DELETE FROM join_token WHERE expires <= ?1";
constexpr std::string_view count_tokens = "SELECT count(*) FROM join_token";
constexpr std::string_view delete_token = "DELETE FROM join_token WHERE id = ?1";
constexpr std::string_view update_used = "UPDATE join_token SET used_time = ?2, used_ip = ?3 WHERE id = ?1";

std::int64_t milliseconds(Instant at) { return at.time_since_epoch().count(); }

std::vector<JoinRequest> requests(Run run)
{
    std::vector<JoinRequest> all;
    while (run.next()) {
        JoinAsk ask{Ip::parse(run.text(1)).value_or(Ip()), std::string(run.text(2)), std::string(run.text(3)),
            std::string(run.text(4)), Ip::parse(run.text(5)).value_or(Ip())};
        all.push_back({run.number(0), std::move(ask), run.number(6) != 0, run.instant(7), run.instant(8)});
    }
    return all;
}

void put(Db& db, JoinAsk const& ask, bool is_rejected, Instant now)
{
    auto const ip = ask.ip.text();
    auto const from = ask.from.text();
    auto const counted = rate_limit_key(ask.from).text();
    db.run(upsert)
        .bind(1, ip)
        .bind(2, ask.hash)
        .bind(3, ask.asset)
        .bind(4, ask.version)
        .bind(5, from)
        .bind(6, counted)
        .bind(7, std::int64_t{is_rejected})
        .bind(8, milliseconds(now))
        .execute();
}

} // namespace

std::vector<JoinRequest> JoinRecords::of(Ip const& ip) const
{
    auto const text = ip.text();
    auto run = db_.run(select_of);
    run.bind(1, text);
    return requests(std::move(run));
}

std::vector<JoinRequest> JoinRecords::page(std::int64_t after, std::int64_t limit) const
{
    auto run = db_.run(select_page);
    run.bind(1, after).bind(2, limit);
    return requests(std::move(run));
}

JoinRecords::Counts JoinRecords::counts() const
{
    Counts counts;
    for (auto rows = db_.run(count_all); rows.next();)
        (rows.number(0) != 0 ? counts.rejected : counts.waiting) = rows.number(1);
    return counts;
}

std::optional<JoinRequest> JoinRecords::find(Ip const& ip, std::string_view hash) const
{
    auto const text = ip.text();
    auto run = db_.run(select_one);
    run.bind(1, text).bind(2, hash);
    auto found = requests(std::move(run));
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

void JoinRecords::wait(JoinAsk const& ask, std::optional<JoinRequest> const& known, Instant now) const
{
    if (!known) {
        forget(false, now - waiting_memory);
        forget(true, now - rejected_memory);
        require_room(ask);
    }
    put(db_, ask, false, now);
}

void JoinRecords::forget(bool is_rejected, Instant before) const
{
    db_.run(delete_old).bind(1, std::int64_t{is_rejected}).bind(2, milliseconds(before)).execute();
}

/// The newcomer is refused, and nobody is pushed out: who is shown as waiting stays so while he asks.
void JoinRecords::require_room(JoinAsk const& ask) const
{
    auto const full = [](std::int64_t most, std::string const& of_whom) {
        return Error(codes::too_much, std::to_string(most) + " machines" + of_whom +
                                          " wait to be let in already; try again in an hour, or have some "
                                          "accepted or rejected (elvesctl agents --pending)");
    };
    auto const counted = rate_limit_key(ask.from).text();
    if (count(count_of_asker, counted) >= limits_.waiting_of_one_asker)
        throw full(limits_.waiting_of_one_asker, " from " + counted);
    auto const ip = ask.ip.text();
    if (ask.from != ask.ip && count(count_of_ip, ip) >= limits_.waiting_of_one_ip)
        throw full(limits_.waiting_of_one_ip, " that say they are " + ip);
    if (count(count_waiting, {}) >= limits_.waiting) throw full(limits_.waiting, "");
}

void JoinRecords::reject(std::int64_t id) const { db_.run(update_rejected).bind(1, id).execute(); }

void JoinRecords::remember_rejected(JoinAsk const& ask, Instant now) const { put(db_, ask, true, now); }

void JoinRecords::erase(Ip const& ip, std::string_view hash) const
{
    auto const text = ip.text();
    db_.run(delete_request).bind(1, text).bind(2, hash).execute();
}

bool JoinRecords::is_any_rejected(Ip const& ip) const { return count(count_rejected, ip.text()) > 0; }

std::int64_t JoinRecords::count(std::string_view sql, std::string_view value) const
{
    auto run = db_.run(sql);
    if (!value.empty()) run.bind(1, value);
    return run.next() ? run.number(0) : 0;
}

void JoinRecords::add_token(JoinToken const& token, std::string_view hash) const
{
    db_.run(delete_expired).bind(1, milliseconds(token.created)).execute();
    if (count(count_tokens, {}) >= std::int64_t{most_tokens}) {
        throw Error(codes::too_much,
            "there are " + std::to_string(most_tokens) + " join tokens; delete some first (deljointoken)");
    }
    auto const cidr = token.cidr ? std::optional(token.cidr->text()) : std::nullopt;
    db_.run(insert_token)
        .bind(1, token.id)
        .bind(2, token.name)
        .bind(3, hash)
        .bind(4, cidr)
        .bind(5, milliseconds(token.created))
        .bind(6, milliseconds(token.expires))
        .execute();
}

std::vector<JoinToken> JoinRecords::tokens() const
{
    std::vector<JoinToken> all;
    auto run = db_.run(select_tokens);
    while (run.next()) {
        JoinToken token{std::string(run.text(0)), std::string(run.text(1)), {}, run.instant(3),
            run.instant(4), {}, std::string(run.text(6))};
        if (!run.is_null(2)) token.cidr = IpRange::parse(run.text(2));
        if (!run.is_null(5)) token.used = run.instant(5);
        all.push_back(std::move(token));
    }
    return all;
}

bool JoinRecords::erase_token(std::string_view id) const
{
    db_.run(delete_token).bind(1, id).execute();
    return db_.changes() > 0;
}

std::string JoinRecords::use_token(std::string_view hash, JoinAsk const& ask, Instant now) const
{
    std::string id;
    {
        auto run = db_.run(select_token);
        run.bind(1, hash);
        if (!run.next() || run.instant(2) <= now) return "there is no such join token, or it has expired";
        id = run.text(0);
        if (run.is_null(1)) {
            if (!run.is_null(3)) return "the join token is used up";
        } else {
            auto const cidr = IpRange::parse(run.text(1));
            if (!cidr || !cidr->contains(ask.ip) || !cidr->contains(ask.from)) {
                return "the join token is for " + std::string(run.text(1)) + ", and this is " +
                       ask.ip.text() + " asking from " + ask.from.text();
            }
        }
    }
    if (is_any_rejected(ask.ip)) {
        return "a machine of this address was rejected, or its key deleted: no token lets it in, only an "
               "admin";
    }
    auto const ip = ask.ip.text();
    db_.run(update_used).bind(1, id).bind(2, milliseconds(now)).bind(3, ip).execute();
    return {};
}

} // namespace elves
