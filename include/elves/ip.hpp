#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace elves {

/// An IPv4 or IPv6 address: an agent's identity. IPv4-mapped IPv6 (`::ffff:10.0.0.1`) is its IPv4 address.
class Ip {
public:
    /// 0.0.0.0, which is nobody's: so that records can be made before they are filled.
    Ip() noexcept = default;
    [[nodiscard]] static Ip of_v4(std::array<std::uint8_t, 4> const& bytes) noexcept;
    [[nodiscard]] static Ip of_v6(std::array<std::uint8_t, 16> const& bytes) noexcept;
    /// Nothing where `text` is no address: blanks, a port, a zone (`%eth0`), a prefix and octal-looking parts
    /// (`010.0.0.1`) are refused.
    [[nodiscard]] static std::optional<Ip> parse(std::string_view text);
    /// Normalised (RFC 5952): `::0:1` is `::1`.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] bool is_loopback() const noexcept;
    [[nodiscard]] bool is_v4() const noexcept { return v4_; }
    friend auto operator<=>(Ip const&, Ip const&) = default;

private:
    friend class IpRange;
    friend class IpSet;
    friend struct std::hash<Ip>;
    /// IPv4 in the last four bytes, the others zero.
    std::array<std::uint8_t, 16> bytes_{};
    bool v4_ = true;
};

/// An address, a CIDR range (`10.0.0.0/8`, `fd00::/8`), or `*`, which holds every address.
class IpRange {
public:
    /// Nothing where `text` is none of these. Bits set below the prefix are cleared (`10.1.2.3/8` is
    /// `10.0.0.0/8`).
    [[nodiscard]] static std::optional<IpRange> parse(std::string_view text);
    [[nodiscard]] bool contains(Ip const& ip) const noexcept;
    /// It is `*`.
    [[nodiscard]] bool is_all() const noexcept { return any_; }
    [[nodiscard]] std::string text() const;
    /// Its first address.
    [[nodiscard]] Ip const& first() const noexcept { return base_; }
    /// It holds one address, and no other.
    [[nodiscard]] bool is_single() const noexcept { return !any_ && prefix_ == (base_.is_v4() ? 32 : 128); }
    /// Its last address. Not of `*`.
    [[nodiscard]] Ip last() const noexcept;
    friend bool operator==(IpRange const&, IpRange const&) = default;

private:
    Ip base_;
    int prefix_ = 32;
    bool any_ = false;
};

/// The addresses of a list of ranges. Immutable; `contains` is a binary search, so that a key with many
/// ranges costs about what a key with one does.
class IpSet {
public:
    IpSet() = default;
    IpSet(std::vector<IpRange> ranges); // NOLINT(google-explicit-constructor): a list of ranges is a set
    IpSet(std::initializer_list<IpRange> ranges) : IpSet(std::vector<IpRange>(ranges)) {}

    [[nodiscard]] bool contains(Ip const& ip) const noexcept;
    /// One of the ranges is `*`.
    [[nodiscard]] bool is_all() const noexcept { return all_; }
    /// It holds one address, and no other; that address may be listed more than once.
    [[nodiscard]] bool is_single() const noexcept;

    /// The ranges as they were given.
    [[nodiscard]] std::vector<IpRange> const& ranges() const noexcept { return ranges_; }
    [[nodiscard]] auto begin() const noexcept { return ranges_.begin(); }
    [[nodiscard]] auto end() const noexcept { return ranges_.end(); }

private:
    struct Interval {
        Ip first, last;
    };
    /// IPv4 before IPv6: an IPv4 address has the bytes of an IPv6 one.
    [[nodiscard]] static bool before(Ip const& a, Ip const& b) noexcept;

    std::vector<IpRange> ranges_;
    std::vector<Interval> intervals_; ///< Disjoint, ascending.
    bool all_ = false;
};

} // namespace elves

template <>
struct std::hash<elves::Ip> {
    std::size_t operator()(elves::Ip const& ip) const noexcept;
};
