#include "elves/ip.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>

#include "elves/keyed_hash.hpp"

namespace elves {
namespace {

constexpr std::size_t longest_text = INET6_ADDRSTRLEN - 1;
constexpr std::array<std::uint8_t, 12> mapped_start{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// inet_pton reads C strings: a NUL would hide what stands behind it.
bool read(int family, std::string_view text, void* out)
{
    if (text.size() > longest_text || text.find('\0') != std::string_view::npos) return false;
    return inet_pton(family, std::string(text).c_str(), out) == 1;
}

// inet_ntop is no help: it writes `::1.2.3.4` where RFC 5952 wants `::102:304`.
std::string v6_text(std::array<std::uint8_t, 16> const& bytes)
{
    std::array<unsigned, 8> groups{};
    for (std::size_t i = 0; i < 8; ++i) groups[i] = bytes[2 * i] * 256U + bytes[2 * i + 1];

    // The longest run of two or more zero groups, the first one of equals, becomes `::`.
    std::size_t start = 8;
    std::size_t length = 1;
    for (std::size_t i = 0; i < 8;) {
        auto end = i;
        while (end < 8 && groups[end] == 0) ++end;
        if (end - i > length) {
            start = i;
            length = end - i;
        }
        i = end + 1;
    }
    std::string text;
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == start) {
            text += "::";
            i += length - 1;
            continue;
        }
        if (!text.empty() && text.back() != ':') text += ':';
        std::array<char, 4> digits{};
        auto const done = std::to_chars(digits.begin(), digits.end(), groups[i], 16);
        text.append(digits.begin(), done.ptr);
    }
    return text;
}

// `0` to `128`: no sign, no leading zero, nothing behind.
std::optional<int> read_prefix(std::string_view text)
{
    int value = 0;
    auto const [end, fault] = std::from_chars(text.begin(), text.end(), value);
    bool const plain = !text.empty() && text.front() != '-' && (text.front() != '0' || text.size() == 1);
    if (!plain || fault != std::errc() || end != text.end()) return std::nullopt;
    return value;
}

} // namespace

Ip Ip::of_v4(std::array<std::uint8_t, 4> const& bytes) noexcept
{
    Ip ip;
    std::copy(bytes.begin(), bytes.end(), ip.bytes_.begin() + 12);
    return ip;
}

Ip Ip::of_v6(std::array<std::uint8_t, 16> const& bytes) noexcept
{
    Ip ip;
    ip.bytes_ = bytes;
    ip.v4_ = std::equal(mapped_start.begin(), mapped_start.end(), bytes.begin());
    if (ip.v4_) std::fill_n(ip.bytes_.begin(), 12, std::uint8_t{0});
    return ip;
}

std::optional<Ip> Ip::parse(std::string_view text)
{
    std::array<std::uint8_t, 4> v4{};
    if (read(AF_INET, text, v4.data())) return of_v4(v4);
    std::array<std::uint8_t, 16> v6{};
    if (read(AF_INET6, text, v6.data())) return of_v6(v6);
    return std::nullopt;
}

std::string Ip::text() const
{
    if (!v4_) return v6_text(bytes_);
    std::string text = std::to_string(bytes_[12]);
    for (std::size_t i = 13; i < 16; ++i) text += '.' + std::to_string(bytes_[i]);
    return text;
}

bool Ip::is_loopback() const noexcept
{
    if (v4_) return bytes_[12] == 127;
    auto const zeros = std::all_of(bytes_.begin(), bytes_.end() - 1, [](auto byte) { return byte == 0; });
    return zeros && bytes_[15] == 1;
}

std::optional<IpRange> IpRange::parse(std::string_view text)
{
    IpRange range;
    if (text == "*") {
        range.any_ = true;
        return range;
    }
    auto const slash = text.find('/');
    auto const ip = Ip::parse(text.substr(0, slash));
    if (!ip) return std::nullopt;
    range.base_ = *ip;
    range.prefix_ = ip->is_v4() ? 32 : 128;
    if (slash == std::string_view::npos) return range;

    auto prefix = read_prefix(text.substr(slash + 1));
    // The prefix of an IPv4-mapped address counts its 96 leading bits too.
    bool const mapped = ip->is_v4() && text.find(':') < slash;
    if (prefix && mapped) prefix = *prefix - 96;
    if (!prefix || *prefix < 0 || *prefix > range.prefix_) return std::nullopt;

    range.prefix_ = *prefix;
    int bit = ip->is_v4() ? -96 : 0;
    for (auto& byte : range.base_.bytes_) {
        for (unsigned mask = 0x80; mask != 0; mask >>= 1U, ++bit) {
            if (bit >= range.prefix_) byte = static_cast<std::uint8_t>(byte & ~mask);
        }
    }
    return range;
}

bool IpRange::contains(Ip const& ip) const noexcept
{
    if (any_) return true;
    if (ip.v4_ != base_.v4_) return false;
    auto const bits = static_cast<std::size_t>(prefix_ + (base_.v4_ ? 96 : 0));
    auto const whole = bits / 8;
    if (!std::equal(
            ip.bytes_.begin(), ip.bytes_.begin() + static_cast<std::ptrdiff_t>(whole), base_.bytes_.begin()))
        return false;
    if (bits % 8 == 0) return true;
    return ((ip.bytes_[whole] ^ base_.bytes_[whole]) >> (8 - bits % 8)) == 0;
}

Ip IpRange::last() const noexcept
{
    auto last = base_;
    auto const bits = static_cast<std::size_t>(prefix_ + (base_.v4_ ? 96 : 0));
    for (auto byte = bits / 8; byte < last.bytes_.size(); ++byte) {
        auto const kept = byte == bits / 8 ? bits % 8 : 0;
        last.bytes_[byte] = static_cast<std::uint8_t>(last.bytes_[byte] | (0xFFU >> kept));
    }
    return last;
}

std::string IpRange::text() const
{
    if (any_) return "*";
    if (is_single()) return base_.text();
    return base_.text() + "/" + std::to_string(prefix_);
}

bool IpSet::before(Ip const& a, Ip const& b) noexcept { return a.v4_ == b.v4_ ? a.bytes_ < b.bytes_ : a.v4_; }

IpSet::IpSet(std::vector<IpRange> ranges) : ranges_(std::move(ranges))
{
    std::vector<Interval> sorted;
    for (auto const& range : ranges_) {
        all_ = all_ || range.is_all();
        if (!range.is_all()) sorted.push_back({range.first(), range.last()});
    }
    std::sort(sorted.begin(), sorted.end(), [](Interval const& a, Interval const& b) {
        return a.first == b.first ? before(b.last, a.last) : before(a.first, b.first);
    });
    // Two CIDR ranges are disjoint, or one contains the other; the one that contains is sorted first.
    for (auto const& interval : sorted) {
        if (intervals_.empty() || before(intervals_.back().last, interval.last))
            intervals_.push_back(interval);
    }
}

bool IpSet::contains(Ip const& ip) const noexcept
{
    if (all_) return true;
    auto const behind = std::upper_bound(intervals_.begin(), intervals_.end(), ip,
        [](Ip const& wanted, Interval const& interval) { return before(wanted, interval.first); });
    return behind != intervals_.begin() && !before(std::prev(behind)->last, ip);
}

bool IpSet::is_single() const noexcept
{
    return !all_ && intervals_.size() == 1 && intervals_.front().first == intervals_.front().last;
}

} // namespace elves

std::size_t std::hash<elves::Ip>::operator()(elves::Ip const& ip) const noexcept
{
    std::uint64_t halves[2];
    static_assert(sizeof halves == sizeof ip.bytes_);
    std::memcpy(halves, ip.bytes_.data(), sizeof halves);
    return elves::keyed_hash(halves[0], halves[1]) + (ip.v4_ ? 1 : 0);
}
