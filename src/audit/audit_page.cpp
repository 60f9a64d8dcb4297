#include "audit/audit_page.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace elves::audit {

namespace {

constexpr std::size_t hash_bytes = 32;
constexpr unsigned char allowed_bit = 1;
constexpr unsigned char changed_bit = 2;

constexpr std::array texts{&AuditRecord::key, &AuditRecord::address, &AuditRecord::method,
    &AuditRecord::agent, &AuditRecord::app, &AuditRecord::func, &AuditRecord::proxy, &AuditRecord::target,
    &AuditRecord::param, &AuditRecord::result};

// On unsigned numbers: the times of a damaged page may be as far apart as they like.
std::uint64_t difference(std::int64_t value, std::int64_t before)
{
    return static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(before);
}

std::int64_t sum(std::int64_t before, std::uint64_t difference)
{
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(before) + difference);
}

/// Small numbers of either sign become small ones without.
std::uint64_t zigzag(std::uint64_t value) { return (value << 1U) ^ (0 - (value >> 63U)); }

std::uint64_t unzigzag(std::uint64_t value) { return (value >> 1U) ^ (0 - (value & 1U)); }

void put_varint(std::string& bytes, std::uint64_t value)
{
    for (; value >= 0x80U; value >>= 7U)
        bytes += static_cast<char>(static_cast<unsigned char>(value | 0x80U));
    bytes += static_cast<char>(static_cast<unsigned char>(value));
}

unsigned nibble(char digit) { return static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10); }

void put_hash(std::string& bytes, std::string_view hex)
{
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2)
        bytes += static_cast<char>(nibble(hex[at]) << 4U | nibble(hex[at + 1]));
}

std::string hex_of(std::string_view bytes)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    hex.reserve(2 * bytes.size());
    for (char const c : bytes) {
        auto const byte = static_cast<unsigned char>(c);
        hex += digits[byte >> 4U];
        hex += digits[byte & 0xFU];
    }
    return hex;
}

/// Reads a page's bytes from the front. What is not there makes it `failed`, and everything from then on 0.
class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    [[nodiscard]] bool failed() const noexcept { return failed_; }
    [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

    /// In its shortest form only.
    std::uint64_t varint()
    {
        constexpr unsigned last_shift = 63;
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift <= last_shift && !rest_.empty(); shift += 7) {
            auto const byte = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
            if (byte >= 0x80U) continue;
            bool const is_shortest = (byte > 0 || shift == 0) && (shift < last_shift || byte == 1);
            if (is_shortest) return value;
            break;
        }
        failed_ = true;
        return 0;
    }
    std::uint64_t signed_varint() { return unzigzag(varint()); }
    std::string_view take(std::uint64_t count)
    {
        failed_ = failed_ || count > rest_.size();
        if (failed_) return {};
        auto const taken = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return taken;
    }
    unsigned char byte()
    {
        auto const one = take(1);
        return one.empty() ? 0 : static_cast<unsigned char>(one.front());
    }
    /// Leaves `value` as it is where it is the same as before.
    void text(std::string& value)
    {
        auto const size = varint();
        if (size == 0) return;
        auto const other = take(size - 1);
        failed_ = failed_ || other == value;
        value = other;
    }

private:
    std::string_view rest_;
    bool failed_ = false;
};

/// Makes the next record out of the one before. False where there is none.
bool read(Reader& bytes, AuditRecord& record)
{
    record.time = sum(record.time, bytes.signed_varint());
    for (auto const text : texts) bytes.text(record.*text);
    auto const bits = bytes.byte();
    record.allowed = (bits & allowed_bit) != 0;
    record.changed = (bits & changed_bit) != 0;
    record.more = sum(0, bytes.signed_varint());
    record.hash = hex_of(bytes.take(hash_bytes));
    return !bytes.failed() && bits <= (allowed_bit | changed_bit);
}

AuditRecord before_first()
{
    AuditRecord none;
    none.result.clear();
    return none;
}

} // namespace

void PageWriter::add(AuditRecord record)
{
    if (empty()) {
        first_ = record.seq;
        newest_ = record.time;
        before_ = before_first();
    }
    newest_ = std::max(newest_, record.time);
    put_varint(bytes_, zigzag(difference(record.time, before_.time)));
    for (auto const text : texts) {
        bool const is_same = record.*text == before_.*text;
        put_varint(bytes_, is_same ? 0 : (record.*text).size() + 1);
        if (!is_same) bytes_.append(record.*text);
    }
    bytes_ += static_cast<char>((record.allowed ? allowed_bit : 0) | (record.changed ? changed_bit : 0));
    put_varint(bytes_, zigzag(difference(record.more, 0)));
    put_hash(bytes_, record.hash);
    before_ = std::move(record);
}

void PageWriter::clear()
{
    bytes_.clear();
    before_ = before_first();
}

DecodedPage decode_page(std::int64_t first, std::int64_t last, std::string_view bytes)
{
    DecodedPage page;
    Reader reader(bytes);
    auto record = before_first();
    record.seq = first;
    while (!reader.at_end() && record.seq <= last && read(reader, record)) {
        page.records.push_back(record);
        if (record.seq == last) break;
        ++record.seq;
    }
    page.is_whole = !page.records.empty() && page.records.back().seq == last && reader.at_end();
    return page;
}

std::string last_hash(std::string_view bytes)
{
    return bytes.size() < hash_bytes ? std::string() : hex_of(bytes.substr(bytes.size() - hash_bytes));
}

} // namespace elves::audit
