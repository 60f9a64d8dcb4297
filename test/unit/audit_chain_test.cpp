#include "audit/audit_record.hpp"

#include "audit/audit_verify.hpp"
#include "audit_schema.hpp"
#include "catch.hpp"
#include "elves/sha256.hpp"
#include "store/group_commit.hpp"
#include "store/migrations.hpp"
#include "store/open_db.hpp"
#include "store/transaction.hpp"
#include "support/audit_file.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using Catch::Contains;

namespace {

/// The ways in which a trail may lie in a file: what is found does not depend on it.
TrailForm any_form()
{
    return GENERATE(
        TrailForm::rows, TrailForm::page_for_each, TrailForm::one_page, TrailForm::rows_then_pages);
}

struct Trail {
    std::unique_ptr<Db> db = open_in_memory();
    TrailForm form;

    /// Records 1 to `count`, of the times 1000, 2000, ...
    explicit Trail(std::int64_t count = 10, TrailForm its_form = TrailForm::page_for_each) : form(its_form)
    {
        migrate(*db, {{"audit", audit_schema}});
        for (std::int64_t i = 1; i <= count; ++i) append(i);
        if (form != TrailForm::page_for_each) put_records(*db, all_records(*db), form);
    }
    void append(std::int64_t i)
    {
        AuditRecord record;
        record.time = i * 1000;
        record.key = "0123456789ABCDEF";
        record.address = "10.0.0.9:5000";
        record.method = i % 2 ? "sheduler.sendasync" : "supervisor.setkey";
        record.agent = "10.0.0." + std::to_string(i % 3);
        record.allowed = i % 5 != 0;
        audit::append(*db, std::move(record));
    }
    void change(std::int64_t seq, std::function<void(AuditRecord&)> const& how)
    {
        tamper(*db, form, [&](auto& records) { how(records[static_cast<std::size_t>(seq - 1)]); });
    }
    void erase(std::function<bool(std::int64_t)> const& is_gone)
    {
        tamper(*db, form, [&](auto& records) {
            std::erase_if(records, [&](auto const& record) { return is_gone(record.seq); });
        });
    }
    /// All of it, a few rows at a time.
    audit::Verdict verify(std::int64_t step = 3)
    {
        auto verdict = audit::verify(*db, std::nullopt, step);
        while (verdict.more && !verdict.found) verdict = audit::verify(*db, verdict.at, step);
        return verdict;
    }
    /// The kind of the first break and its row; "" where all is well.
    std::string broken()
    {
        auto const verdict = verify();
        return verdict.found ? verdict.found->kind + " " + std::to_string(verdict.found->seq) : "";
    }
    std::int64_t count(std::string const& table)
    {
        auto run = db->run("SELECT count(*) FROM " + table);
        return run.next() ? run.number(0) : -1;
    }
};

} // namespace

TEST_CASE("a chain that nobody touched is right from its start to its head", "[audit]")
{
    Trail trail(10, any_form());
    auto const verdict = trail.verify();
    CHECK_FALSE(verdict.found);
    CHECK(verdict.at == audit::head(*trail.db));
    CHECK(verdict.at.seq == 10);
    CHECK(verdict.start.seq == 0);
    CHECK(Trail(0).verify().at == verdict.start);
    trail.append(11);
    CHECK(trail.verify().at.seq == 11);
    CHECK(trail.broken().empty());
    for (std::int64_t seq = 1; seq <= 11; ++seq) CHECK(audit::at(*trail.db, seq)->seq == seq);
    CHECK_FALSE(audit::at(*trail.db, 12));
}

TEST_CASE("a change of any field of any row is found, and which row it is", "[audit]")
{
    using Change = std::function<void(AuditRecord&)>;
    for (auto const& [name, change] :
        std::vector<std::pair<std::string, Change>>{{"time", [](auto& r) { ++r.time; }},
            {"key", [](auto& r) { r.key = ""; }}, {"address", [](auto& r) { r.address = "10.0.0.9:5001"; }},
            {"method", [](auto& r) { r.method = "x"; }}, {"agent", [](auto& r) { r.agent = "x"; }},
            {"app", [](auto& r) { r.app = "x"; }}, {"func", [](auto& r) { r.func = "x"; }},
            {"target", [](auto& r) { r.target = "x"; }}, {"param", [](auto& r) { r.param = "x"; }},
            {"allowed", [](auto& r) { r.allowed = !r.allowed; }},
            {"changed", [](auto& r) { r.changed = true; }}, {"result", [](auto& r) { r.result = "401.6"; }},
            {"more", [](auto& r) { r.more = 1; }}, {"proxy", [](auto& r) { r.proxy = "x"; }},
            {"hash", [](auto& r) { r.hash[9] = r.hash[9] == '0' ? '1' : '0'; }},
            // What stands beside each other is told apart.
            {"agent for app", [](auto& r) { r.app = std::exchange(r.agent, ""); }}}) {
        for (auto const form : {TrailForm::rows, TrailForm::page_for_each, TrailForm::one_page}) {
            for (auto const seq : {1, 6, 10}) {
                INFO(name << " of row " << seq);
                Trail trail(10, form);
                trail.change(seq, change);
                CHECK(trail.broken() == "changed " + std::to_string(seq));
            }
        }
    }
}

TEST_CASE("a changed row that got a new hash does not fit the next one", "[audit]")
{
    Trail trail(10, any_form());
    trail.change(6, [&](AuditRecord& row) {
        row.key = "another";
        row.hash = audit::hash_of(audit::at(*trail.db, 5)->hash, row);
    });
    CHECK(trail.broken() == "changed 7");
}

TEST_CASE("missing rows are found, at the beginning too", "[audit]")
{
    auto const form = any_form();
    for (auto const& [first, last] : {std::pair(1, 1), {5, 5}, {4, 8}}) {
        INFO(first << " to " << last);
        Trail trail(10, form);
        trail.erase([first = first, last = last](std::int64_t seq) { return seq >= first && seq <= last; });
        CHECK(trail.broken() == "missing " + std::to_string(first));
    }
    Trail trail(10, form);
    tamper(*trail.db, form, [](auto& records) {
        records.erase(records.begin() + 4);
        for (std::size_t i = 4; i < records.size(); ++i) --records[i].seq;
    });
    CHECK(trail.broken() == "changed 5"); // closing the gap doesn't help
    trail.db->script("DELETE FROM audit_start");
    CHECK(trail.broken() == "missing 0");
}

TEST_CASE("rows that changed places are found, and where they came from", "[audit]")
{
    auto const form = any_form();
    for (auto const& [a, b] : {std::pair(3, 4), {2, 7}, {1, 9}}) {
        INFO(a << " and " << b);
        Trail trail(10, form);
        tamper(*trail.db, form, [a = a, b = b](auto& records) {
            std::swap(
                records[static_cast<std::size_t>(a - 1)].seq, records[static_cast<std::size_t>(b - 1)].seq);
        });
        CHECK(trail.broken() == "reordered " + std::to_string(a));
        CHECK_THAT(trail.verify().found->what, Contains("was written as row " + std::to_string(b)));
    }
}

TEST_CASE("the newest rows that are gone show only beside a head that was kept", "[audit]")
{
    Trail trail(10, any_form());
    auto const head = *audit::head(*trail.db);
    trail.append(11);
    CHECK_FALSE(audit::verify(*trail.db, head, 100).found);
    trail.erase([](std::int64_t seq) { return seq > 8; });
    CHECK(trail.broken().empty());
    CHECK(audit::verify(*trail.db, head, 100).found->kind == "missing");
    CHECK(audit::verify(*trail.db, head, 100).found->seq == 9);
    trail.append(90);
    trail.append(100); // written anew
    CHECK(trail.broken().empty());
    CHECK(audit::verify(*trail.db, head, 100).found->kind == "changed");
}

TEST_CASE("any bit of a page that is turned over is found", "[audit]")
{
    Trail trail(5, TrailForm::one_page);
    auto const bytes = [&] {
        auto run = trail.db->run("SELECT records FROM audit_pages");
        return run.next() ? std::string(run.blob(0)) : std::string();
    }();
    auto const put = [&](std::string const& changed) {
        trail.db->run("UPDATE audit_pages SET records = ?1").bind_blob(1, changed).execute();
    };
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            auto changed = bytes;
            changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ (1U << bit));
            put(changed);
            INFO("bit " << bit << " of byte " << at);
            auto const found = trail.verify().found;
            REQUIRE(found);
            CHECK((found->seq >= 1 && found->seq <= 5));
        }
    }
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        put(bytes.substr(0, size));
        REQUIRE(trail.verify().found);
    }
    put(bytes + '\0');
    CHECK(trail.broken() == "changed 5");
    put(bytes);
    CHECK(trail.broken().empty());
}

TEST_CASE("a page that claims other records than it holds is found, and what it holds is listed", "[audit]")
{
    for (auto const& [sql, broken] :
        {std::pair("last = 9", "changed 6"), {"last = 4", "changed 4"}, {"last = -1", "changed 1"},
            {"first = 2", "missing 1"}, {"last = 9223372036854775807", "changed 6"}}) {
        INFO(sql);
        Trail trail(5, TrailForm::one_page);
        trail.db->script(std::string("UPDATE audit_pages SET ") + sql);
        CHECK(trail.broken() == broken);
        static_cast<void>(audit::list(*trail.db, {}, std::nullopt, false, 100));
        static_cast<void>(audit::list(*trail.db, {}, std::nullopt, true, 100));
    }
    Trail trail(5, TrailForm::one_page);
    trail.db->script("UPDATE audit_pages SET records = substr(records, 1, length(records) - 1)");
    CHECK(audit::list(*trail.db, {}, std::nullopt, false, 100).rows.size() == 4);
    CHECK_THAT(trail.verify().found->what, Contains("rows 1 to 5") && Contains("from row 5 on"));
}

TEST_CASE("the records of a transaction are one row, and those of a long one several", "[audit]")
{
    Trail trail(0);
    {
        Transaction transaction(*trail.db);
        for (std::int64_t i = 1; i <= 100; ++i) trail.append(i);
        CHECK(trail.count("audit_pages") == 0); // just before the COMMIT
        transaction.commit();
    }
    CHECK(trail.count("audit_pages") == 1);
    trail.append(101); // outside of one: at once
    CHECK(trail.count("audit_pages") == 2);
    {
        Transaction transaction(*trail.db);
        for (std::int64_t i = 102; i <= 4'000; ++i) trail.append(i);
        transaction.commit();
    }
    CHECK(trail.count("audit_pages") > 4);
    auto longest = trail.db->run("SELECT max(length(records)) FROM audit_pages");
    REQUIRE(longest.next());
    CHECK(longest.number(0) < 70'000);
    CHECK(trail.count("audit") == 0);
    CHECK(trail.broken().empty());
    CHECK(trail.verify().at.seq == 4'000);
}

TEST_CASE("of a group of writes the one that fails leaves no record, and the others theirs", "[audit]")
{
    Trail trail(3);
    std::vector<Unit> units;
    for (std::int64_t i = 0; i < 6; ++i) {
        units.push_back({[&trail, i](Db&) {
                             trail.append(10 + i);
                             if (i == 2 || i == 5) throw std::runtime_error("not this one");
                         },
            nullptr});
    }
    CHECK_FALSE(commit_group(*trail.db, units).in_doubt);
    std::vector<std::int64_t> times;
    for (auto const& record : all_records(*trail.db)) times.push_back(record.time);
    CHECK(times == std::vector<std::int64_t>{1000, 2000, 3000, 10'000, 11'000, 13'000, 14'000});
    CHECK(trail.broken().empty());
}

TEST_CASE("where the trail takes no page, only writes with a record fail, and they whole", "[audit]")
{
    Trail trail(3);
    trail.db->script("CREATE TABLE thing (n INTEGER);"
                     "CREATE TRIGGER no BEFORE INSERT ON audit_pages BEGIN SELECT raise(ABORT, 'no'); END");
    std::vector<Unit> units;
    for (std::int64_t i = 0; i < 4; ++i) {
        units.push_back({[&trail, i](Db& db) {
                             db.run("INSERT INTO thing VALUES (?1)").bind(1, i).execute();
                             if (i % 2 == 0) trail.append(10 + i);
                         },
            nullptr});
    }
    CHECK_FALSE(commit_group(*trail.db, units).in_doubt);
    for (std::size_t i = 0; i < 4; ++i) CHECK((units[i].error != nullptr) == (i % 2 == 0));
    CHECK(trail.count("thing") == 2);
    trail.db->script("DROP TRIGGER no");
    trail.append(20);
    CHECK(trail.verify().at.seq == 4);
    CHECK(trail.broken().empty());
}

TEST_CASE(
    "a disk that is full when the records are written leaves nothing of the group, and no doubt", "[audit]")
{
    TempFolder const folder;
    auto const path = folder.file("elves.db");
    make_or_check_file(path);
    Trail trail(0);
    trail.db = open_db(path, Access::read_write);
    migrate(*trail.db, {{"audit", audit_schema}});
    trail.append(1);
    auto const limit_pages = [&](std::string const& pages) {
        trail.db->script("PRAGMA max_page_count = " + pages);
    };
    auto pages = trail.db->run("PRAGMA page_count");
    REQUIRE(pages.next());
    limit_pages(std::to_string(pages.number(0) + 2));
    std::vector<Unit> units;
    for (std::int64_t i = 0; i < 500; ++i) units.push_back({[&trail, i](Db&) { trail.append(i); }, nullptr});
    auto const result = commit_group(*trail.db, units);
    CHECK_FALSE(result.in_doubt);
    CHECK(result.commits == 0);
    for (auto const& unit : units) CHECK(unit.error);
    limit_pages("1000000");
    for (auto& unit : units) unit.error = nullptr;
    CHECK(commit_group(*trail.db, units).commits == 1);
    CHECK(trail.verify(1'000).at.seq == 501);
    CHECK(trail.broken().empty());
}

TEST_CASE("a file that no newer program has opened yet is verified and listed as it is", "[audit]")
{
    Trail trail(10, TrailForm::rows);
    trail.db->script("DROP TABLE audit_pages");
    CHECK(trail.broken().empty());
    CHECK(trail.verify().at.seq == 10);
    CHECK(audit::list(*trail.db, {}, std::nullopt, false, 100).rows.size() == 10);
}

TEST_CASE("what was pruned by age leaves a chain that begins later", "[audit]")
{
    Trail trail(10, GENERATE(TrailForm::rows, TrailForm::page_for_each));
    auto const fourth = *audit::at(*trail.db, 4);
    CHECK(audit::prune(*trail.db, 7'001, 4) == 4); // a step
    CHECK(audit::start(*trail.db) == fourth);
    CHECK(trail.broken().empty());
    CHECK(audit::prune(*trail.db, 7'001, 100) == 3);
    CHECK(audit::prune(*trail.db, 7'001, 100) == 0);
    CHECK(trail.verify().start.seq == 7);
    CHECK(audit::verify(*trail.db, fourth, 100).pruned);
    CHECK_FALSE(audit::verify(*trail.db, fourth, 100).found);
    CHECK(audit::prune(*trail.db, 100'000, 100) == 3);
    trail.append(11); // goes on behind what is no more
    CHECK(trail.verify().at.seq == 11);
    CHECK(trail.broken().empty());
}

TEST_CASE("the records of one commit are pruned together, once the last of them is old", "[audit]")
{
    Trail trail(10, TrailForm::rows_then_pages);
    auto const start_after = [&](std::int64_t before, std::int64_t limit) {
        static_cast<void>(audit::prune(*trail.db, before, limit));
        CHECK(trail.broken().empty());
        return audit::start(*trail.db)->seq;
    };
    CHECK(start_after(8'500, 3) == 3); // the old rows first
    CHECK(start_after(8'500, 100) == 5);
    CHECK(start_after(10'000, 100) == 5);
    CHECK(start_after(10'001, 1) == 10); // a whole page, whatever the limit
    trail.append(11);
    CHECK(trail.verify().at.seq == 11);
}

TEST_CASE("pruning goes from the old rows on to the pages", "[audit]")
{
    Trail trail(10, TrailForm::rows_then_pages);
    CHECK(audit::prune(*trail.db, 100'000, 7) == 10);
    CHECK(trail.count("audit") + trail.count("audit_pages") == 0);
    CHECK(audit::start(*trail.db)->seq == 10);
}

TEST_CASE("a younger row keeps the older ones behind it", "[audit]")
{
    bool const as_rows = GENERATE(true, false);
    Trail trail(0);
    for (auto const time : {1, 9, 2, 3}) trail.append(time); // the clock was set
    if (as_rows) put_records(*trail.db, all_records(*trail.db), TrailForm::rows);
    CHECK(audit::prune(*trail.db, 5'000, 100) == 1);
    CHECK(trail.broken().empty());
}

TEST_CASE("a row that is rolled back is not in the chain, and the next one takes its place", "[audit]")
{
    Trail trail(2);
    {
        Transaction const transaction(*trail.db);
        trail.append(3);
        CHECK(audit::head(*trail.db)->seq == 3);
    }
    trail.append(4);
    CHECK(audit::head(*trail.db)->seq == 3);
    CHECK(trail.broken().empty());
}

TEST_CASE("the hash is SHA-256 over netstrings: anybody can compute it", "[audit]")
{
    AuditRecord record;
    record.seq = 1;
    record.time = 2;
    record.key = "k";
    record.method = "a.b";
    Sha256 sha256;
    CHECK(audit::hash_of("before", record) ==
          sha256.hex("6:before,1:1,1:2,1:k,0:,3:a.b,0:,0:,0:,0:,0:,1:1,1:0,2:ok,1:0,"));
    CHECK(sha256.hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("pages go both ways, and filters find what they name", "[audit]")
{
    Trail trail(10, any_form());
    auto const seqs = [&](audit::Filter const& filter, bool oldest_first = false,
                          std::optional<std::int64_t> after = std::nullopt, std::int64_t limit = 100) {
        std::vector<std::int64_t> all;
        for (auto const& row : audit::list(*trail.db, filter, after, oldest_first, limit).rows)
            all.push_back(row.seq);
        return all;
    };
    using Seqs = std::vector<std::int64_t>;
    audit::Filter filter;
    CHECK(seqs(filter, false, std::nullopt, 3) == Seqs{10, 9, 8});
    CHECK(seqs(filter, false, 8, 3) == Seqs{7, 6, 5});
    CHECK(seqs(filter, true, 8) == Seqs{9, 10});
    CHECK(audit::list(*trail.db, filter, 8, false, 3).after == 5);
    CHECK_FALSE(audit::list(*trail.db, filter, 3, false, 3).after);
    filter.denied_only = true;
    CHECK(seqs(filter) == Seqs{10, 5});
    filter = {};
    filter.method = "SetKey";
    filter.agent = "10.0.0.1";
    CHECK(seqs(filter) == Seqs{10, 4});
    filter.method = "supervisor.setkey";
    filter.since = 5'000;
    CHECK(seqs(filter) == Seqs{10});
    filter.until = 9'000;
    CHECK(seqs(filter).empty());
    filter = {};
    filter.key = "nobody";
    CHECK(seqs(filter).empty());
}

TEST_CASE("a page looks at a bounded number of rows", "[audit]")
{
    Trail trail(0);
    std::vector<AuditRecord> records(45'000);
    for (std::size_t i = 0; i < records.size(); ++i) {
        records[i].seq = records[i].time = static_cast<std::int64_t>(i + 1);
        records[i].key = i == 0 || i + 1 == records.size() ? "rare" : "k";
        records[i].hash = std::string(64, '0');
    }
    put_records(*trail.db, std::move(records),
        GENERATE(TrailForm::rows, TrailForm::page_for_each, TrailForm::rows_then_pages));
    for (bool const oldest_first : {false, true}) {
        audit::Filter filter;
        filter.key = "rare";
        std::vector<std::int64_t> found;
        std::optional<std::int64_t> after;
        int pages = 0;
        do {
            auto const page = audit::list(*trail.db, filter, after, oldest_first, 10);
            for (auto const& row : page.rows) found.push_back(row.seq);
            after = page.after;
            ++pages;
        } while (after && pages < 10);
        CHECK(found ==
              (oldest_first ? std::vector<std::int64_t>{1, 45'000} : std::vector<std::int64_t>{45'000, 1}));
        CHECK(pages == 3);
    }
}

TEST_CASE("a point of the chain is written SEQ:HASH", "[audit]")
{
    auto const hash = std::string(64, 'a');
    CHECK(ChainPoint::parse("12:" + hash) == ChainPoint{12, hash});
    for (auto const& wrong : {"", "12", "12:", ":", "x:"})
        CHECK_FALSE(ChainPoint::parse(wrong + std::string()));
    CHECK_FALSE(ChainPoint::parse("12:" + std::string(64, 'G')));
    CHECK_FALSE(ChainPoint::parse("-1:" + hash));
}
