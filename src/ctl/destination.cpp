#include "ctl/destination.hpp"

#include <sys/stat.h>

#include "client/local_socket.hpp"
#include "ctl/outcome.hpp"

namespace elves::ctl {

namespace {

bool is_socket(std::string const& path)
{
    struct stat about {};
    return ::stat(path.c_str(), &about) == 0 && S_ISSOCK(about.st_mode);
}

} // namespace

Destination destination_of(std::optional<std::string> const& given, std::string const& default_socket)
{
    if (!given) {
        if (is_socket(default_socket)) return {{}, default_socket};
        return {{"127.0.0.1", 7788}, ""};
    }
    constexpr std::string_view prefix = "unix:";
    auto const path = given->starts_with(prefix) ? given->substr(prefix.size()) : *given;
    if (path.starts_with('/')) {
        if (path.size() > max_socket_path)
            throw Usage("--server is \"" + *given + "\": the path of a socket has at most " +
                        std::to_string(max_socket_path) + " bytes");
        return {{}, path};
    }
    auto const place = HostPort::parse(*given);
    if (!place || place->port == 0)
        throw Usage(
            "--server is \"" + *given + "\"; give HOST:PORT, [IPv6]:PORT, or unix:/PATH of its socket");
    return {*place, ""};
}

} // namespace elves::ctl
