// The data file may be damaged, or changed by hand: a row of it is read as a task that can be shown and
// stored again, or refused, whatever its columns hold.
#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "core/utf8.hpp"
#include "fuzz_target.hpp"
#include "loose_table.hpp"
#include "store/migrations.hpp"
#include "store/open_db.hpp"
#include "tasklog/task_records.hpp"
#include "tasklog/task_text.hpp"
#include "tasklog_schema.hpp"

using namespace elves;

namespace {

/// The task log as it is made, and one whose columns take anything, as a damaged file's do.
struct Tables {
    std::unique_ptr<Db> sound = open_in_memory();
    std::unique_ptr<Db> loose = open_in_memory();
    std::optional<fuzz::LooseTable> requests;
    std::optional<fuzz::LooseTable> outcomes;
    std::optional<fuzz::LooseTable> processing;

    Tables()
    {
        for (auto* const db : {sound.get(), loose.get()}) migrate(*db, {{"tasklog", tasklog_schema}});
        loose->script("DROP VIEW open_tasks; DROP VIEW tasks;");
        requests.emplace(*loose, "task_requests");
        outcomes.emplace(*loose, "task_outcomes");
        processing.emplace(*loose, "task_processing");
    }
    /// A row in each of them, with the key of the first.
    void put(std::string_view lines)
    {
        std::string const key(lines.substr(0, lines.find('\n')));
        requests->put(lines);
        lines = fuzz::LooseTable::without_lines(lines, requests->columns());
        outcomes->put(key + "\n" + std::string(lines));
        processing->put(
            key + "\n" + std::string(fuzz::LooseTable::without_lines(lines, outcomes->columns() - 1)));
    }
};

Tables& tables()
{
    static Tables one;
    return one;
}

/// Nothing where the row is refused, as it may be.
template <class Read>
auto attempt(Read&& read) -> std::optional<decltype(read())>
{
    try {
        return read();
    } catch (std::runtime_error const& refusal) {
        PROMISE(std::string_view(refusal.what()).starts_with("the task log holds an impossible "));
    }
    return std::nullopt;
}

void shown(task_records::Row const& row, bool sound_text)
{
    static std::array const zones{
        Zone(), Zone::named("Europe/Berlin").value(), Zone::named("America/Los_Angeles").value()};
    for (auto const& zone : zones) {
        auto const fields = task_text(row, zone);
        for (auto const& [name, value] : fields) PROMISE(value.is_string());
        auto const text = json::serialize(fields);
        // SQLite keeps whatever text it was given; ours was checked on its way in.
        PROMISE(is_utf8(text) || !sound_text);
        if (!sound_text) continue;
        PROMISE(json::parse(text) == fields);
    }
}

std::vector<task_records::Row> listed(Db& db)
{
    std::vector<task_records::Row> rows;
    task_records::list(db, {}, 10, [&](task_records::Row row) {
        rows.push_back(std::move(row));
        return true;
    });
    return rows;
}

/// A sound table takes it, and gives it back as it was.
void stored_again(task_records::Row const& row)
{
    auto& db = *tables().sound;
    for (auto const* const table :
        {"task_requests", "task_outcomes", "task_processing", "task_blocks", "open_before"})
        db.script(std::string("DELETE FROM ") + table);
    task_records::insert(db, row.task);
    auto const again = task_records::find(db, row.task.id);
    PROMISE(again.has_value());
    auto one = *again;
    one.module = row.module;
    PROMISE(task_text(one, Zone()) == task_text(row, Zone()));
}

} // namespace

/// A line for each column of `task_requests`, `task_outcomes` and `task_processing`, in their order; the last
/// two have no line for their key.
FUZZ_TARGET(store_rows)
{
    tables().put(input);
    auto& db = *tables().loose;
    auto const all = attempt([&] { return listed(db); });
    auto const open = attempt([&] { return task_records::open(db); });
    if (!all) return;
    PROMISE(all->size() == 1);
    PROMISE(!open || open->size() <= 1);
    shown(all->front(), is_utf8(input));
    stored_again(all->front());
}
