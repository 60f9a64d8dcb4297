#include "server/listen_overlap.hpp"

namespace elves {

bool is_overlapping(ListenPlace const& a, ListenPlace const& b)
{
    static auto const every_v6 = Ip::of_v6({});
    if (a.port != b.port || a.port == 0) return false;
    auto const covers = [](Ip const& wide, Ip const& one) {
        return wide == one || wide == every_v6 || (wide == Ip() && one.is_v4());
    };
    return covers(a.ip, b.ip) || covers(b.ip, a.ip);
}

} // namespace elves
