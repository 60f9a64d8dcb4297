// A page of the audit trail may be damaged, or changed by hand: what is read of it is what was written, and
// any other bytes say something else.
#include "audit/audit_page.hpp"

#include "fuzz_target.hpp"

using namespace elves;

FUZZ_TARGET(audit_page)
{
    constexpr std::int64_t most = 1'000;
    auto const page = audit::decode_page(1, most, input);
    audit::PageWriter again;
    for (auto const& record : page.records) again.add(record);
    PROMISE(input.starts_with(again.bytes()));
    PROMISE(page.records.empty() || audit::last_hash(again.bytes()) == page.records.back().hash);
    auto const count = static_cast<std::int64_t>(page.records.size());
    PROMISE(audit::decode_page(1, count, input).is_whole == (count > 0 && again.bytes() == input));
}
