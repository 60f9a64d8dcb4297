#include "audit/audit_page.hpp"

#include <limits>
#include <tuple>

#include "catch.hpp"
#include "elves/sha256.hpp"

using namespace elves;

namespace {

constexpr auto smallest = std::numeric_limits<std::int64_t>::min();
constexpr auto largest = std::numeric_limits<std::int64_t>::max();

AuditRecord record(std::int64_t seq, std::int64_t time)
{
    AuditRecord record;
    record.seq = seq;
    record.time = time;
    record.key = "0123456789ABCDEF";
    record.address = "10.0.0.9:5000" + std::to_string(seq % 3);
    record.method = "sheduler.sendasync";
    record.agent = seq % 2 == 0 ? "10.0.0.1" : "";
    record.app = "demo";
    record.func = std::string("a\0b", 3);
    record.proxy = seq % 4 == 0 ? "sh|a.sh" : "";
    record.target = std::to_string(seq);
    record.param = std::string(static_cast<std::size_t>(seq % 7) * 100, 'x');
    record.allowed = seq % 2 == 0;
    record.changed = seq % 3 == 0;
    record.result = seq % 5 == 0 ? "401.6" : "ok";
    record.more = seq % 2 == 0 ? seq : -seq;
    record.hash = Sha256().hex(record.target);
    return record;
}

auto fields(AuditRecord const& r)
{
    return std::tie(r.seq, r.time, r.key, r.address, r.method, r.agent, r.app, r.func, r.proxy, r.target,
        r.param, r.allowed, r.changed, r.result, r.more, r.hash);
}

audit::PageWriter page_of(std::vector<AuditRecord> const& records)
{
    audit::PageWriter page;
    for (auto const& each : records) page.add(each);
    return page;
}

} // namespace

TEST_CASE("what is written to an audit page is read from it, every field", "[audit]")
{
    std::vector<AuditRecord> records;
    for (std::int64_t seq = 8; seq < 30; ++seq) records.push_back(record(seq, 1'767'225'600'000 + seq * seq));
    records[3].time = smallest; // The clock was set; and what is written by hand is read, too.
    records[4].time = largest;
    records[5].time = 0;
    records[6].more = largest;
    records[7].more = smallest;
    auto const page = page_of(records);
    CHECK(page.first() == 8);
    CHECK(page.last() == 29);
    CHECK(page.newest() == largest);

    auto const decoded = audit::decode_page(8, 29, page.bytes());
    CHECK(decoded.is_whole);
    REQUIRE(decoded.records.size() == records.size());
    for (std::size_t i = 0; i < records.size(); ++i) CHECK(fields(decoded.records[i]) == fields(records[i]));
    CHECK(audit::last_hash(page.bytes()) == records.back().hash);
}

TEST_CASE("an audit page that was cleared begins anew, with nothing of the one before", "[audit]")
{
    auto page = page_of({record(1, 5), record(2, 6)});
    page.clear();
    CHECK(page.empty());
    page.add(record(3, 4));
    CHECK(page.first() == 3);
    CHECK(page.newest() == 4);
    auto const decoded = audit::decode_page(3, 3, page.bytes());
    REQUIRE(decoded.is_whole);
    CHECK(fields(decoded.records.front()) == fields(record(3, 4)));
}

TEST_CASE("in an audit page a text that is the same as before takes one byte", "[audit]")
{
    auto const one = page_of({record(6, 1)}).bytes().size();
    auto same = record(6, 1);
    same.seq = 7;
    auto const two = page_of({record(6, 1), same}).bytes().size();
    CHECK(two - one == 10 + 1 + 1 + 1 + 32); // ten texts, time, two flags in a byte, more, hash
}

TEST_CASE("of an audit page that was cut off anywhere the records before that are read", "[audit]")
{
    auto const bytes = page_of({record(1, 5), record(2, 6), record(3, 7)}).bytes();
    auto const first = page_of({record(1, 5)}).bytes().size();
    auto const second = page_of({record(1, 5), record(2, 6)}).bytes().size();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        auto const decoded = audit::decode_page(1, 3, std::string_view(bytes).substr(0, size));
        CHECK_FALSE(decoded.is_whole);
        CHECK(decoded.records.size() == (size < first ? 0U : size < second ? 1U : 2U));
    }
    CHECK_FALSE(audit::decode_page(1, 3, bytes + "x").is_whole);
    CHECK_FALSE(audit::decode_page(1, 2, bytes).is_whole);
    CHECK(audit::decode_page(1, 2, bytes).records.size() == 2);
    CHECK_FALSE(audit::decode_page(1, 4, bytes).is_whole);
    CHECK_FALSE(audit::decode_page(2, 1, bytes).is_whole);
    CHECK(audit::decode_page(largest - 2, largest, bytes).is_whole);
    CHECK(audit::last_hash("too short").empty());
}

TEST_CASE("a number that never ends, or a text longer than its page, is no record", "[audit]")
{
    CHECK(audit::decode_page(1, 1, std::string(100, '\xff')).records.empty());
    auto const one = page_of({record(6, 1)}).bytes();
    REQUIRE(audit::decode_page(6, 6, one).is_whole);
    CHECK_FALSE(
        audit::decode_page(6, 6, "\x82" + std::string(1, '\0') + one.substr(1)).is_whole); // a longer form
    CHECK(audit::decode_page(1, 1, std::string("\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11))
              .records.empty());
}
