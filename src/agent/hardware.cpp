#include "agent/hardware.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <initializer_list>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string_view>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/utf8.hpp"
#include "elves/json.hpp"

namespace elves::agent {

// A host of many containers has hundreds of either.
static constexpr std::size_t most_rows = 64;

/// The value of the first line `NAME : value` of one of `names`.
static std::string value_in(char const* file, std::initializer_list<std::string_view> names)
{
    static constexpr std::string_view blanks = " \t";
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
        std::string_view const text(line);
        auto const colon = text.find(':');
        if (colon == std::string_view::npos) continue;
        auto const name = text.substr(0, text.substr(0, colon).find_last_not_of(blanks) + 1);
        if (std::find(names.begin(), names.end(), name) == names.end()) continue;
        auto const value = text.substr(colon + 1);
        auto const first = value.find_first_not_of(blanks);
        if (first != std::string_view::npos) return repaired(value.substr(first));
    }
    return {};
}

static json::object cpu()
{
    json::object out;
    // The last two: how ARM boards say it.
    if (auto const model = value_in("/proc/cpuinfo", {"model name", "Hardware", "Model"}); !model.empty())
        out["model"] = model;
    if (auto const cores = ::sysconf(_SC_NPROCESSORS_ONLN); cores > 0) out["cores"] = cores;
    return out;
}

static json::object memory()
{
    auto const text = value_in("/proc/meminfo", {"MemTotal"});
    std::uint64_t kib = 0;
    json::object out;
    if (std::from_chars(text.data(), text.data() + text.size(), kib).ec == std::errc())
        out["total"] = kib * 1024;
    return out;
}

/// `/proc/mounts` writes a blank as `\040`.
static std::string unescaped(std::string_view text)
{
    auto const octal = [](char c) { return '0' <= c && c <= '7'; };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && text.size() - i > 3 && octal(text[i + 1]) && octal(text[i + 2]) &&
            octal(text[i + 3])) {
            out +=
                static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

/// Network file systems are not this machine's, and one whose server is away would hang us.
static bool on_a_disk(std::string_view device, std::string_view type)
{
    static constexpr std::array<std::string_view, 4> no_disks{"squashfs", "iso9660", "udf", "erofs"};
    if (std::find(no_disks.begin(), no_disks.end(), type) != no_disks.end()) return false;
    if (type.starts_with("fuse") && type != "fuseblk") return false;
    return device.starts_with("/dev/") || type == "zfs";
}

static json::array disks()
{
    json::array out;
    std::set<std::string> seen; // a device may be mounted many times
    std::ifstream lines("/proc/self/mounts");
    for (std::string line; std::getline(lines, line) && out.size() < most_rows;) {
        std::istringstream words(line);
        std::string device;
        std::string mount;
        std::string type;
        if (!(words >> device >> mount >> type) || !on_a_disk(device, type) || seen.contains(device))
            continue;
        mount = unescaped(mount);
        struct statvfs room {};
        if (::statvfs(mount.c_str(), &room) != 0 || room.f_blocks == 0) continue;
        seen.insert(device);
        std::uint64_t const block = room.f_frsize;
        out.push_back(json::object{{"mount", repaired(mount)}, {"size", room.f_blocks * block},
            {"used", (room.f_blocks - std::min(room.f_bfree, room.f_blocks)) * block}});
    }
    return out;
}

static std::string mac_text(sockaddr_ll const& link)
{
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    auto const length = std::min<std::size_t>(link.sll_halen, sizeof link.sll_addr);
    for (std::size_t i = 0; i < length; ++i) {
        if (i > 0) out += ':';
        out += digits[link.sll_addr[i] >> 4U];
        out += digits[link.sll_addr[i] & 15U];
    }
    return out;
}

static std::string address_text(sockaddr const& address)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    void const* bytes = nullptr;
    if (address.sa_family == AF_INET) bytes = &reinterpret_cast<sockaddr_in const&>(address).sin_addr;
    if (address.sa_family == AF_INET6) bytes = &reinterpret_cast<sockaddr_in6 const&>(address).sin6_addr;
    if (bytes == nullptr || ::inet_ntop(address.sa_family, bytes, text.data(), text.size()) == nullptr)
        return {};
    return text.data();
}

namespace {

struct Network {
    std::string mac;
    json::array addresses;
};

} // namespace

static json::array networks()
{
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) return {};
    auto const give_back = [](ifaddrs* list) { ::freeifaddrs(list); };
    std::unique_ptr<ifaddrs, decltype(give_back)> const owner(first, give_back);
    std::map<std::string, Network> by_name;
    for (auto const* row = first; row != nullptr; row = row->ifa_next) {
        if (row->ifa_addr == nullptr || row->ifa_name == nullptr || (row->ifa_flags & IFF_LOOPBACK) != 0)
            continue;
        auto& network = by_name[row->ifa_name];
        if (row->ifa_addr->sa_family == AF_PACKET)
            network.mac = mac_text(reinterpret_cast<sockaddr_ll const&>(*row->ifa_addr));
        else if (auto const text = address_text(*row->ifa_addr); !text.empty())
            network.addresses.emplace_back(text);
    }
    json::array out;
    for (auto& [name, network] : by_name) {
        if (network.addresses.empty() || out.size() == most_rows) continue;
        json::object entry{{"name", repaired(name)}};
        if (!network.mac.empty()) entry["mac"] = network.mac;
        entry["addresses"] = std::move(network.addresses);
        out.push_back(std::move(entry));
    }
    return out;
}

std::string hardware_json()
{
    json::object out;
    if (auto part = cpu(); !part.empty()) out["cpu"] = std::move(part);
    if (auto part = memory(); !part.empty()) out["memory"] = std::move(part);
    if (auto part = disks(); !part.empty()) out["disks"] = std::move(part);
    if (auto part = networks(); !part.empty()) out["networks"] = std::move(part);
    return json::serialize(out);
}

std::string os_name()
{
    utsname system{};
    if (::uname(&system) != 0) return "linux";
    std::string name(system.sysname);
    std::transform(name.begin(), name.end(), name.begin(),
        [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return name;
}

} // namespace elves::agent
