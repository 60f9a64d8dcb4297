#include "ctl/typed_text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <set>
#include <system_error>
#include <unistd.h>

#include "core/utf8.hpp"
#include "ctl/outcome.hpp"

namespace elves::ctl {

namespace {

/// Bytes of a list of hosts.
constexpr std::size_t max_hosts_bytes = std::size_t{8} * 1024 * 1024;

std::string why() { return std::generic_category().message(errno); }

/// Throws Usage where there are more than `most` bytes, or they can't be read.
std::string read_all(int descriptor, std::string const& named, std::size_t most)
{
    std::string text;
    std::array<char, 65536> piece{};
    for (;;) {
        auto const got = ::read(descriptor, piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw Usage(named + " can't be read: " + why());
        if (got == 0) return text;
        text.append(piece.data(), static_cast<std::size_t>(got));
        if (text.size() > most)
            throw Usage(named + " is too long: expected at most " + std::to_string(most) + " bytes");
    }
}

std::string read_input(std::string const& named, std::size_t most)
{
    static bool was_read = false;
    if (was_read)
        throw Usage(named + " is -, but standard input was read already; give one of them as a file");
    was_read = true;
    return read_all(STDIN_FILENO, named + " from standard input", most);
}

std::string read_file(std::string const& named, std::string const& path, std::size_t most)
{
    if (path.empty()) throw Usage(named + " is \"@\"; expected @FILE (@@ for a text that begins with @)");
    auto const descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    auto const from = named + " from " + path;
    if (descriptor < 0) throw Usage(from + " can't be read: " + why());
    struct Close {
        int descriptor;
        ~Close() { ::close(descriptor); }
    } const close{descriptor};
    return read_all(descriptor, from, most);
}

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view blanks = " \t\r";
    auto const first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace

std::string typed_text(std::string_view what, std::string const& typed, std::size_t most)
{
    std::string const named(what);
    if (typed.starts_with("@@")) return typed.substr(1);
    bool const is_input = typed == "-";
    if (!is_input && !typed.starts_with('@')) {
        if (typed.size() > most)
            throw Usage(named + " is too long: expected at most " + std::to_string(most) + " bytes");
        return typed;
    }
    auto text = is_input ? read_input(named, most) : read_file(named, typed.substr(1), most);
    if (!is_utf8(text))
        throw Usage(
            named + " from " + (is_input ? "standard input" : typed.substr(1)) + " is not UTF-8 text");
    return text;
}

std::vector<Ip> hosts_in(std::string_view text, std::string const& source)
{
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    std::vector<Ip> hosts;
    std::set<Ip> seen;
    for (std::size_t number = 1; !text.empty(); ++number) {
        auto const whole = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(whole.size() + 1, text.size()));
        auto const line = trimmed(whole.substr(0, whole.find('#')));
        if (line.empty()) continue;
        auto const ip = Ip::parse(line);
        if (!ip)
            throw Usage("--hosts " + source + ", line " + std::to_string(number) + ": \"" +
                        repaired(line.substr(0, 80)) +
                        "\" is not an address; expected one IPv4 or IPv6 "
                        "address a line");
        if (seen.insert(*ip).second) hosts.push_back(*ip);
        if (hosts.size() > max_hosts)
            throw Usage("--hosts " + source + " names too many agents: expected at most " +
                        std::to_string(max_hosts));
    }
    if (hosts.empty()) throw Usage("--hosts " + source + " names no agent; expected one address a line");
    return hosts;
}

std::vector<Ip> read_hosts(std::string const& file)
{
    if (file.empty()) throw Usage("--hosts is empty; expected FILE, or - for standard input");
    if (file == "-") return hosts_in(read_input("--hosts", max_hosts_bytes), "-");
    return hosts_in(read_file("--hosts", file, max_hosts_bytes), file);
}

} // namespace elves::ctl
