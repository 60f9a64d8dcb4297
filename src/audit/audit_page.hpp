#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "audit/audit_record.hpp"

/// How the records of a commit are stored together. No SQL, no I/O.
///
/// A record is, in this order: its time, as the difference to the record before it in the page (the first: to
/// 0); the texts key, address, method, agent, app, func, proxy, target, param and result; one byte with bit 0
/// for `allowed` and bit 1 for `changed`; `more`; the 32 bytes of its hash. A text is a varint followed
/// by bytes: 0 means the text of the preceding record ("" for the first record), n means n - 1 bytes follow.
/// Numbers are varints (LEB128, the shortest form) in zigzag form. The same records have the same bytes, and
/// no others. A record's seq is its place: `first`, `first + 1` and so on.
namespace elves::audit {

/// The records of a transaction that are not written yet.
class PageWriter {
public:
    /// `record` has its hash, and follows the one that was added before it.
    void add(AuditRecord record);

    [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
    [[nodiscard]] std::int64_t first() const noexcept { return first_; }
    [[nodiscard]] std::int64_t last() const noexcept { return before_.seq; }
    /// The time of its youngest record, UTC, ms.
    [[nodiscard]] std::int64_t newest() const noexcept { return newest_; }
    [[nodiscard]] std::string const& bytes() const noexcept { return bytes_; }
    void clear();

private:
    std::int64_t first_ = 0;
    std::int64_t newest_ = 0;
    AuditRecord before_;
    std::string bytes_;
};

/// What can be read of a page.
struct DecodedPage {
    std::vector<AuditRecord> records;
    bool is_whole = false; ///< Nothing is left over, and nothing is missing.
};

/// Decodes the records `first` to `last`, up to the first one that cannot be read. Never throws for what the
/// bytes are.
[[nodiscard]] DecodedPage decode_page(std::int64_t first, std::int64_t last, std::string_view bytes);

/// The hash of the last record, without reading the page; "" where it is too short to have one.
[[nodiscard]] std::string last_hash(std::string_view bytes);

} // namespace elves::audit
