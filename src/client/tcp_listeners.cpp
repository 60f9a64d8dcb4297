#include "client/tcp_listeners.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace elves {

namespace {

template <class Number>
bool read(std::string_view text, Number& number, int base)
{
    auto const* const end = text.data() + text.size();
    auto const [rest, failure] = std::from_chars(text.data(), end, number, base);
    return failure == std::errc() && rest == end;
}

/// Words of 32 bits in hex, each in this machine's byte order (little-endian).
template <std::size_t Size>
bool read_bytes(std::string_view hex, std::array<std::uint8_t, Size>& bytes)
{
    for (std::size_t word = 0; word < Size / 4; ++word) {
        std::uint32_t value = 0;
        if (!read(hex.substr(word * 8, 8), value, 16)) return false;
        for (std::size_t i = 0; i < 4; ++i) bytes[word * 4 + i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
    return true;
}

std::optional<Ip> ip_in(std::string_view hex)
{
    std::array<std::uint8_t, 4> v4{};
    std::array<std::uint8_t, 16> v6{};
    if (hex.size() == 8 && read_bytes(hex, v4)) return Ip::of_v4(v4);
    if (hex.size() == 32 && read_bytes(hex, v6)) return Ip::of_v6(v6);
    return std::nullopt;
}

constexpr std::string_view listens = "0A";

/// Nothing for a line that is no listener's.
std::optional<TcpListener> listener_in(std::string const& line)
{
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …
    std::istringstream words(line);
    std::string number, local, remote, state, queues, timer, retries, uid, timeout, inode;
    words >> number >> local >> remote >> state >> queues >> timer >> retries >> uid >> timeout >> inode;
    auto const colon = local.find(':');
    if (!words || state != listens || colon == std::string::npos) return std::nullopt;
    auto const ip = ip_in(std::string_view(local).substr(0, colon));
    TcpListener found;
    bool const is_read = ip && read(std::string_view(local).substr(colon + 1), found.port, 16) &&
                         read(uid, found.uid, 10) && read(inode, found.inode, 10);
    if (!is_read) return std::nullopt;
    found.ip = *ip;
    return found;
}

/// The kernel lists the listeners first; behind them may stand 100,000 connections.
void add_listeners(std::istream& lines, std::vector<TcpListener>& all)
{
    std::string line;
    std::getline(lines, line); // the heading
    while (std::getline(lines, line)) {
        auto const found = listener_in(line);
        if (!found) return;
        all.push_back(*found);
    }
}

} // namespace

std::vector<TcpListener> parse_tcp_listeners(std::string_view text)
{
    std::vector<TcpListener> all;
    std::istringstream lines{std::string(text)};
    add_listeners(lines, all);
    return all;
}

std::vector<TcpListener> tcp_listeners(std::uint16_t port)
{
    std::vector<TcpListener> all;
    for (auto const* const path : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
        std::ifstream lines(path);
        add_listeners(lines, all);
    }
    std::erase_if(all, [port](TcpListener const& one) { return one.port != port; });
    return all;
}

std::vector<TcpListener> reached_by(Ip const& ip, std::vector<TcpListener> const& all)
{
    static auto const every_v6 = Ip::of_v6({});
    auto const of = [&](Ip const& wanted) {
        std::vector<TcpListener> found;
        for (auto const& one : all) {
            if (one.ip == wanted) found.push_back(one);
        }
        return found;
    };
    auto found = of(ip);
    if (found.empty() && ip.is_v4()) found = of(Ip());
    if (found.empty()) found = of(every_v6);
    return found;
}

} // namespace elves
