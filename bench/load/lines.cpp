#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <charconv>
#include <stdexcept>

#include "load/peers.hpp"

namespace elves::bench {

void throw_no_question(std::string const& dialect, std::string const& question)
{
    throw std::runtime_error("no question \"" + question + "\" in the dialect " + dialect);
}

std::string read_line(tcp::socket& socket)
{
    std::string line;
    while (!line.ends_with("\r\n")) {
        char byte = 0;
        boost::asio::read(socket, boost::asio::buffer(&byte, 1));
        line += byte;
    }
    line.resize(line.size() - 2);
    return line;
}

std::size_t last_number(std::string_view line)
{
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    line.remove_prefix(line.find_last_not_of("0123456789") + 1);
    std::size_t number = 0;
    if (std::from_chars(line.begin(), line.end(), number).ec != std::errc()) {
        throw std::runtime_error("a line without its number");
    }
    return number;
}

} // namespace elves::bench
