#include "rpc/remote.hpp"

#include <utility>

#include "elves/caller.hpp"
#include "rpc/ip_of.hpp"

namespace elves {

Remote::Remote(boost::asio::ip::tcp::endpoint const& endpoint)
    : ip(ip_of(endpoint.address()))
    , address((ip.is_v4() ? ip.text() : "[" + ip.text() + "]") + ":" + std::to_string(endpoint.port()))
{
}

Remote::Remote(std::string name, std::shared_ptr<Key const> granted)
    : address(std::move(name)), identity(std::move(granted)), is_local(true)
{
}

} // namespace elves
