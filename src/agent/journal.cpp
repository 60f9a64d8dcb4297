#include "agent/journal.hpp"

#include "agent/journal_schema.hpp"
#include "elves/error.hpp"
#include "elves/json_document.hpp"
#include "elves/log.hpp"
#include "elves/worker_report.hpp"

namespace elves::agent {

namespace {

#define JOURNAL_COLUMNS                                                                                      \
    "SELECT id, type, stage, ins, taken, started, cron_id, fire_time, skipped, result, confirmed, "          \
    "account, workers, replaced, sent, start_by FROM task "
constexpr std::string_view insert_task =
    "INSERT INTO task (id, type, stage, ins, taken, started, cron_id, fire_time, skipped, result, account, "
    "workers, sent, start_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) "
    // What ended without having started may be handed over once more.
    "ON CONFLICT (id) DO UPDATE SET stage = ?3, ins = ?4, taken = ?5, started = ?6, result = NULL, "
    "confirmed = NULL, account = ?11, workers = ?12, start_by = ?14, not_started = 0 WHERE not_started = 1 "
    "ON CONFLICT DO NOTHING";
constexpr std::string_view account = "UPDATE cron SET accounted = max(accounted, ?2) WHERE id = ?1";
constexpr std::string_view put_owed = "UPDATE cron SET owed = ?2 WHERE id = ?1";
constexpr std::string_view pay_owed = "UPDATE cron SET owed = NULL WHERE id = ?1 AND owed = ?2";
constexpr std::string_view rewind_all = "UPDATE cron SET accounted = ?1 WHERE accounted > ?1";
constexpr std::string_view put_replaced = "UPDATE task SET replaced = 1 WHERE id = ?1 AND stage <> 'done'";
constexpr std::string_view find_firing =
    "SELECT id FROM task WHERE cron_id = ?1 AND fire_time = ?2 AND skipped = 0";
constexpr std::string_view put_start = "UPDATE task SET stage = 'started', started = ?2 WHERE id = ?1";
constexpr std::string_view put_result =
    "UPDATE task SET stage = 'done', result = ?2, not_started = ?3 WHERE id = ?1";
constexpr std::string_view put_start_by =
    "UPDATE task SET start_by = ?2 WHERE id = ?1 AND stage = 'taken' AND start_by < ?2";
constexpr std::string_view put_since =
    "INSERT INTO journal (since) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM journal)";
constexpr std::string_view put_confirmed =
    "UPDATE task SET confirmed = ?2 WHERE id = ?1 AND confirmed IS NULL";
constexpr std::string_view cut_off = "UPDATE task SET stage = 'done', result = ?1 "
                                     "WHERE confirmed IS NULL AND stage = 'started'";
constexpr std::string_view select_cut_off =
    "SELECT id FROM task WHERE confirmed IS NULL AND stage = 'started'";
constexpr std::string_view prune_some =
    "DELETE FROM task WHERE id IN (SELECT id FROM task WHERE confirmed < ?1 LIMIT ?2)";
constexpr std::string_view select_kept =
    "SELECT id, stream, at, length(CAST(data AS BLOB)) FROM output ORDER BY id, stream DESC, at";
constexpr std::string_view insert_output =
    "INSERT INTO output (id, stream, at, data) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
constexpr std::string_view select_output =
    "SELECT data FROM output WHERE id = ?1 AND stream = ?2 AND at = ?3";
constexpr std::string_view delete_output = "DELETE FROM output WHERE id = ?1 AND stream = ?2 AND at = ?3";
constexpr std::string_view insert_cron =
    "INSERT INTO cron (id, entry, accounted, owed) VALUES (?1, ?2, ?3, ?4)";

std::int64_t ms(Instant at) { return at.time_since_epoch().count(); }

std::string_view stage_text(Stage stage)
{
    if (stage == Stage::taken) return "taken";
    return stage == Stage::started ? "started" : "done";
}

Stage parse_stage(std::string_view text)
{
    if (text == "taken") return Stage::taken;
    return text == "started" ? Stage::started : Stage::done;
}

// In UTC: the journal does not depend on a zone that may change.
std::string report_text(WorkerReport const& report)
{
    json::object out;
    write_report(out, report, Zone());
    return json::serialize(out);
}

TaskId checked_id(std::string_view text)
{
    auto const id = TaskId::parse(text);
    if (!id) throw std::runtime_error("illegal id " + std::string(text));
    return *id;
}

Entry entry_of(Run const& row)
{
    Entry entry;
    entry.id = checked_id(row.text(0));
    entry.type = parse_type(row.text(1)).value_or(TaskType::async);
    entry.stage = parse_stage(row.text(2));
    entry.ins = Instruction::read(JsonDocument::parse(row.text(3)).root());
    entry.taken = row.instant(4);
    if (!row.is_null(5)) entry.started = row.instant(5);
    if (!row.is_null(6)) {
        entry.firing = Firing{checked_id(row.text(6)), row.instant(7), row.number(8) != 0,
            row.number(13) != 0, row.number(14) != 0};
    }
    if (!row.is_null(9)) entry.report = read_report(JsonDocument::parse(row.text(9)).root(), Zone());
    entry.confirmed = !row.is_null(10);
    entry.account.id = row.text(11);
    if (!row.is_null(12)) entry.account.workers = row.number(12);
    if (!row.is_null(15)) entry.start_by = row.instant(15);
    return entry;
}

/// Nothing where it can't be read. It must not keep the agent down; nor is it thrown away.
std::optional<Entry> readable(Run const& row)
{
    try {
        return entry_of(row);
    } catch (std::exception const& error) {
        ELVES_LOG(error,
            "task " << row.text(0) << " of the journal can't be read and is left alone: " << error.what());
        return std::nullopt;
    }
}

bool insert(Db& db, Entry const& entry)
{
    auto const id = entry.id.text();
    auto const ins = json::serialize(entry.ins.to_json());
    auto const cron = entry.firing ? entry.firing->cron_id.text() : std::string();
    auto const result = entry.report ? report_text(*entry.report) : std::string();
    auto run = db.run(insert_task);
    run.bind(1, id).bind(2, type_text(entry.type)).bind(3, stage_text(entry.stage)).bind(4, ins);
    run.bind(5, ms(entry.taken));
    entry.started ? run.bind(6, ms(*entry.started)) : run.bind_null(6);
    entry.firing ? run.bind(7, cron) : run.bind_null(7);
    entry.firing ? run.bind(8, ms(entry.firing->fire_time)) : run.bind_null(8);
    run.bind(9, std::int64_t{entry.firing && entry.firing->skipped ? 1 : 0});
    entry.report ? run.bind(10, result) : run.bind_null(10);
    run.bind(11, entry.account.id).bind(12, entry.account.workers);
    run.bind(13, std::int64_t{entry.firing && entry.firing->is_sent ? 1 : 0});
    entry.start_by ? run.bind(14, ms(*entry.start_by)) : run.bind_null(14);
    run.execute();
    return db.changes() > 0;
}

/// The record of a time that has one already: a moment behind it, where there is room.
bool insert_beside(Db& db, Entry entry)
{
    constexpr int most = 999; // A rule's next time is a second later.
    for (int tries = 0; tries < most; ++tries) {
        entry.firing->fire_time += std::chrono::milliseconds(1);
        if (insert(db, entry)) return true;
    }
    return false;
}

std::optional<Entry> find_one(Db& db, TaskId id)
{
    constexpr auto sql = JOURNAL_COLUMNS "WHERE id = ?1";
    auto const text = id.text();
    auto row = db.run(sql);
    row.bind(1, text);
    if (!row.next()) return std::nullopt;
    return readable(row);
}

} // namespace

Journal::Journal(Store& store) : store_(store) { store_.migrate(module, journal_schema); }

std::vector<Entry> Journal::load_tasks(Instant now)
{
    std::vector<Entry> all;
    WorkerReport lost;
    lost.result = "the agent was stopped while the task ran";
    lost.truncated = true; // What it printed last may have been lost with us.
    lost.callback_time = now;
    store_.at_start([&](Db& db) {
        all.clear();
        auto const text = report_text(lost);
        db.run(cut_off).bind(1, text).execute();
        constexpr auto sql = JOURNAL_COLUMNS "WHERE confirmed IS NULL ORDER BY taken, id";
        auto row = db.run(sql);
        while (row.next()) {
            auto entry = readable(row);
            if (!entry) continue;
            entry->report.reset(); // Read, so that one that can't be is known now; what is in it may be long.
            all.push_back(std::move(*entry));
        }
    });
    return all;
}

std::optional<Instant> Journal::load_since()
{
    std::optional<Instant> since;
    store_.at_start([&](Db& db) {
        auto row = db.run("SELECT since FROM journal");
        since.reset();
        if (row.next()) since = row.instant(0);
    });
    return since;
}

std::optional<Owner> Journal::load_owner()
{
    std::optional<Owner> owner;
    store_.at_start([&](Db& db) { owner = owner_in(db); });
    return owner;
}

std::optional<Owner> Journal::owner_in(Db& db)
{
    auto row = db.run("SELECT machine, address FROM owner");
    if (!row.next()) return std::nullopt;
    return Owner{std::string(row.text(0)), std::string(row.text(1))};
}

namespace {

void write_owner(Db& db, Owner const& owner)
{
    db.run("DELETE FROM owner").execute();
    db.run("INSERT INTO owner (machine, address) VALUES (?1, ?2)")
        .bind(1, owner.machine)
        .bind(2, owner.address)
        .execute();
}

std::int64_t count(Db& db, std::string_view sql)
{
    auto row = db.run(sql);
    return row.next() ? row.number(0) : 0;
}

} // namespace

void Journal::put_owner_at_start(Owner const& owner)
{
    store_.at_start([&](Db& db) { write_owner(db, owner); });
}

asio::awaitable<void> Journal::put_owner(Owner owner)
{
    return store_.write([owner = std::move(owner)](Db& db) { write_owner(db, owner); });
}

asio::awaitable<Journal::Dropped> Journal::empty_for(Owner owner, std::optional<Instant> since)
{
    std::function<Dropped(Db&)> work = [owner = std::move(owner), since](Db& db) {
        Dropped const dropped{count(db, "SELECT count(*) FROM task WHERE confirmed IS NULL"),
            count(db, "SELECT count(*) FROM cron")};
        for (auto const* const sql :
            {"DELETE FROM task", "DELETE FROM cron", "DELETE FROM output", "DELETE FROM journal"})
            db.run(sql).execute();
        if (since) db.run(put_since).bind(1, ms(*since)).execute();
        write_owner(db, owner);
        return dropped;
    };
    return store_.write_for<Dropped>(std::move(work));
}

std::optional<Contact> Journal::load_contact()
{
    std::optional<Contact> contact;
    store_.at_start([&](Db& db) {
        auto row = db.run("SELECT heard, refused FROM contact");
        contact.reset();
        if (row.next()) contact = Contact{row.instant(0), std::string(row.text(1))};
    });
    return contact;
}

asio::awaitable<void> Journal::put_contact(Contact contact)
{
    return store_.write_soon([contact = std::move(contact)](Db& db) {
        db.run("DELETE FROM contact").execute();
        db.run("INSERT INTO contact (heard, refused) VALUES (?1, ?2)")
            .bind(1, ms(contact.heard))
            .bind(2, contact.refused)
            .execute();
    });
}

std::vector<TaskId> Journal::cut_off_tasks()
{
    std::vector<TaskId> ids;
    store_.at_start([&](Db& db) {
        ids.clear();
        for (auto row = db.run(select_cut_off); row.next();) {
            if (auto const id = TaskId::parse(row.text(0))) ids.push_back(*id);
        }
    });
    return ids;
}

std::vector<CronRow> Journal::load_crons()
{
    std::vector<CronRow> all;
    store_.at_start([&](Db& db) {
        all.clear();
        auto row = db.run("SELECT id, entry, accounted, owed FROM cron ORDER BY id");
        while (row.next()) {
            try {
                all.push_back({checked_id(row.text(0)), std::string(row.text(1)), row.instant(2), {}});
                if (!row.is_null(3)) all.back().owed = row.instant(3);
            } catch (std::exception const& problem) {
                ELVES_LOG(error, "own cron job " << row.text(0) << " can't be used: " << problem.what());
            }
        }
    });
    return all;
}

std::vector<Journal::KeptPiece> Journal::load_output()
{
    std::vector<KeptPiece> all;
    store_.at_start([&](Db& db) {
        all.clear();
        for (auto row = db.run(select_kept); row.next();) {
            auto const id = TaskId::parse(row.text(0));
            auto const stream = parse_stream(row.text(1));
            if (!id || !stream || row.number(2) < 0) continue;
            all.push_back({{*id, *stream, static_cast<std::uint64_t>(row.number(2))},
                static_cast<std::size_t>(row.number(3))});
        }
    });
    return all;
}

asio::awaitable<bool> Journal::take(Entry entry, CronMark mark)
{
    std::function<bool(Db&)> work = [entry = std::move(entry), mark](Db& db) {
        bool fresh = insert(db, entry);
        if (!entry.firing) return fresh;
        // Set back, a clock brings a time again: what is skipped of it then has a record of its own.
        if (!fresh && entry.firing->skipped) fresh = insert_beside(db, entry);
        auto const cron = entry.firing->cron_id.text();
        if (mark.accounted) db.run(account).bind(1, cron).bind(2, ms(*mark.accounted)).execute();
        if (mark.owed) db.run(put_owed).bind(1, cron).bind(2, ms(*mark.owed)).execute();
        if (mark.paid) db.run(pay_owed).bind(1, cron).bind(2, ms(*mark.paid)).execute();
        return fresh;
    };
    return store_.write_for<bool>(std::move(work));
}

asio::awaitable<std::optional<TaskId>> Journal::task_of(TaskId cron_id, Instant fire_time)
{
    std::function<std::optional<TaskId>(Db&)> work = [cron_id, fire_time](Db& db) -> std::optional<TaskId> {
        auto const cron = cron_id.text();
        auto row = db.run(find_firing);
        row.bind(1, cron).bind(2, ms(fire_time));
        if (!row.next()) return std::nullopt;
        return TaskId::parse(row.text(0));
    };
    return store_.read<std::optional<TaskId>>(std::move(work));
}

asio::awaitable<void> Journal::replace(std::vector<TaskId> ids)
{
    return store_.write([ids = std::move(ids)](Db& db) {
        for (auto const id : ids) {
            auto const text = id.text();
            db.run(put_replaced).bind(1, text).execute();
        }
    });
}

asio::awaitable<void> Journal::rewind_crons(Instant now)
{
    return store_.write([now](Db& db) { db.run(rewind_all).bind(1, ms(now)).execute(); });
}

asio::awaitable<void> Journal::start(TaskId id, Instant now)
{
    return store_.write([id, now](Db& db) {
        auto const text = id.text();
        db.run(put_start).bind(1, text).bind(2, ms(now)).execute();
    });
}

asio::awaitable<void> Journal::finish(TaskId id, WorkerReport report)
{
    return store_.write([id, report = std::move(report)](Db& db) {
        auto const text = id.text();
        auto const result = report_text(report);
        db.run(put_result).bind(1, text).bind(2, result).bind(3, std::int64_t{report.not_started}).execute();
    });
}

asio::awaitable<void> Journal::extend(std::vector<TaskId> ids, Instant start_by)
{
    return store_.write([ids = std::move(ids), start_by](Db& db) {
        for (auto const id : ids) {
            auto const text = id.text();
            db.run(put_start_by).bind(1, text).bind(2, ms(start_by)).execute();
        }
    });
}

asio::awaitable<void> Journal::begin(Instant server_now)
{
    return store_.write([server_now](Db& db) { db.run(put_since).bind(1, ms(server_now)).execute(); });
}

asio::awaitable<void> Journal::confirm(std::vector<TaskId> ids, Instant now)
{
    return store_.write([ids = std::move(ids), now](Db& db) {
        for (auto const id : ids) {
            auto const text = id.text();
            db.run(put_confirmed).bind(1, text).bind(2, ms(now)).execute();
        }
    });
}

asio::awaitable<std::vector<std::optional<Entry>>> Journal::find(std::vector<TaskId> ids)
{
    using Found = std::vector<std::optional<Entry>>;
    std::function<Found(Db&)> work = [ids = std::move(ids)](Db& db) {
        Found found;
        for (auto const id : ids) found.push_back(find_one(db, id));
        return found;
    };
    return store_.read<Found>(std::move(work));
}

asio::awaitable<void> Journal::put_crons(std::vector<CronRow> rows)
{
    return store_.write([rows = std::move(rows)](Db& db) {
        db.run("DELETE FROM cron").execute();
        for (auto const& row : rows) {
            auto const id = row.id.text();
            auto const owed = row.owed ? std::optional(ms(*row.owed)) : std::nullopt;
            db.run(insert_cron)
                .bind(1, id)
                .bind(2, row.entry)
                .bind(3, ms(row.accounted))
                .bind(4, owed)
                .execute();
        }
    });
}

namespace {

Run& bind_place(Run& run, std::string const& id, OutputPlace const& place)
{
    return run.bind(1, std::string_view(id))
        .bind(2, stream_text(place.stream))
        .bind(3, static_cast<std::int64_t>(place.at));
}

} // namespace

asio::awaitable<void> Journal::put_output(std::vector<OutputRow> rows)
{
    return store_.write([rows = std::move(rows)](Db& db) {
        for (auto const& row : rows) {
            auto const id = row.place.id.text();
            auto run = db.run(insert_output);
            bind_place(run, id, row.place).bind(4, std::string_view(row.data)).execute();
        }
    });
}

asio::awaitable<std::string> Journal::output(OutputPlace place)
{
    std::function<std::string(Db&)> work = [place](Db& db) {
        auto const id = place.id.text();
        auto run = db.run(select_output);
        bind_place(run, id, place);
        return run.next() ? std::string(run.text(0)) : std::string();
    };
    return store_.read<std::string>(std::move(work));
}

asio::awaitable<void> Journal::drop_output(std::vector<OutputPlace> places)
{
    return store_.write_soon([places = std::move(places)](Db& db) {
        for (auto const& place : places) {
            auto const id = place.id.text();
            auto run = db.run(delete_output);
            bind_place(run, id, place).execute();
        }
    });
}

std::int64_t Journal::prune(Db& db, Instant before, std::int64_t most)
{
    db.run(prune_some).bind(1, ms(before)).bind(2, most).execute();
    return db.changes();
}

} // namespace elves::agent
