#include "audit/audit_record.hpp"

#include "audit/audit_verify.hpp"
#include "audit_schema.hpp"
#include "catch.hpp"
#include "core/sha256.hpp"
#include "store/migrations.hpp"
#include "store/open_db.hpp"
#include "store/transaction.hpp"

using namespace elves;
using Catch::Contains;

namespace {

struct Trail {
    std::unique_ptr<Db> db = open_in_memory();

    /// Rows 1 to `count`, of the times 1000, 2000, ...
    explicit Trail(std::int64_t count = 10)
    {
        migrate(*db, {{"audit", audit_schema}});
        for (std::int64_t i = 1; i <= count; ++i) append(i);
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
};

} // namespace

TEST_CASE("a chain that nobody touched is right from its start to its head", "[audit]")
{
    Trail trail;
    auto const verdict = trail.verify();
    CHECK_FALSE(verdict.found);
    CHECK(verdict.at == audit::head(*trail.db));
    CHECK(verdict.at.seq == 10);
    CHECK(verdict.start.seq == 0);
    CHECK(Trail(0).verify().at == verdict.start);
}

TEST_CASE("a change of any field of any row is found, and which row it is", "[audit]")
{
    for (auto const* change : {"time = time + 1", "key = ''", "address = '10.0.0.9:5001'", "method = 'x'",
             "agent = 'x'", "app = 'x'", "func = 'x'", "target = 'x'", "param = 'x'", "allowed = 1 - allowed",
             "changed = 1", "result = '401.6'", "more = 1", "proxy = 'x'", "hash = upper(hash)",
             "agent = '', app = agent"}) { // what stands beside each other is told apart
        for (auto const* seq : {"1", "6", "10"}) {
            INFO(change << " of row " << seq);
            Trail trail;
            trail.db->script(std::string("UPDATE audit SET ") + change + " WHERE seq = " + seq);
            CHECK(trail.broken() == std::string("changed ") + seq);
        }
    }
}

TEST_CASE("a changed row that got a new hash does not fit the next one", "[audit]")
{
    Trail trail;
    auto row = audit::rows(*trail.db, 5, 1).front();
    row.key = "another";
    row.hash = audit::hash_of(audit::at(*trail.db, 5)->hash, row);
    trail.db->script("UPDATE audit SET key = 'another', hash = '" + row.hash + "' WHERE seq = 6");
    CHECK(trail.broken() == "changed 7");
}

TEST_CASE("missing rows are found, at the beginning too", "[audit]")
{
    for (auto const& [gone, found] :
        {std::pair("seq = 1", "missing 1"), {"seq = 5", "missing 5"}, {"seq BETWEEN 4 AND 8", "missing 4"}}) {
        INFO(gone);
        Trail trail;
        trail.db->script(std::string("DELETE FROM audit WHERE ") + gone);
        CHECK(trail.broken() == found);
    }
    Trail trail;
    trail.db->script("DELETE FROM audit WHERE seq = 5; UPDATE audit SET seq = seq - 1 WHERE seq > 5");
    CHECK(trail.broken() == "changed 5"); // closing the gap doesn't help
    trail.db->script("DELETE FROM audit_start");
    CHECK(trail.broken() == "missing 0");
}

TEST_CASE("rows that changed places are found, and where they came from", "[audit]")
{
    auto const exchange = [](Trail& trail, std::string const& a, std::string const& b) {
        trail.db->script("UPDATE audit SET seq = -1 WHERE seq = " + a + "; UPDATE audit SET seq = " + a +
                         " WHERE seq = " + b + "; UPDATE audit SET seq = " + b + " WHERE seq = -1");
    };
    for (auto const& [a, b] : {std::pair("3", "4"), {"2", "7"}, {"1", "9"}}) {
        INFO(a << " and " << b);
        Trail trail;
        exchange(trail, a, b);
        CHECK(trail.broken() == std::string("reordered ") + a);
        CHECK_THAT(trail.verify().found->what, Contains(std::string("was written as row ") + b));
    }
}

TEST_CASE("the newest rows that are gone show only beside a head that was kept", "[audit]")
{
    Trail trail;
    auto const head = *audit::head(*trail.db);
    trail.append(11);
    CHECK_FALSE(audit::verify(*trail.db, head, 100).found);
    trail.db->script("DELETE FROM audit WHERE seq > 8");
    CHECK(trail.broken().empty());
    CHECK(audit::verify(*trail.db, head, 100).found->kind == "missing");
    CHECK(audit::verify(*trail.db, head, 100).found->seq == 9);
    trail.append(90);
    trail.append(100); // written anew
    CHECK(trail.broken().empty());
    CHECK(audit::verify(*trail.db, head, 100).found->kind == "changed");
}

TEST_CASE("what was pruned by age leaves a chain that begins later", "[audit]")
{
    Trail trail;
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

TEST_CASE("a younger row keeps the older ones behind it", "[audit]")
{
    Trail trail(0);
    for (auto const time : {1, 9, 2, 3}) trail.append(time); // the clock was set
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
    Trail trail;
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
    filter.method = "setkey";
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
    trail.db->script(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 45000)"
        " INSERT INTO audit SELECT i, i, iif(i IN (1, 45000), 'rare', 'k'), '', '', '', '', '', '',"
        " '', 1, 0, 'ok', 0, '', '' FROM n");
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
