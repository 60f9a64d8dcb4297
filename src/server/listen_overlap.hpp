#pragma once

#include <cstdint>

#include "elves/ip.hpp"

namespace elves {

/// An address and port to listen on.
struct ListenPlace {
    Ip ip;
    std::uint16_t port = 0;
};

/// Whether only one of two listeners can have both places: the same address, or one that stands for every
/// address of this machine (0.0.0.0, and ::, which takes IPv4 connections, too). Port 0 is any free one and
/// collides with nothing.
[[nodiscard]] bool is_overlapping(ListenPlace const& a, ListenPlace const& b);

} // namespace elves
