#pragma once

#include <map>
#include <memory>
#include <string>

#include "elves/error.hpp"
#include "elves/services/authority.hpp"

namespace elves {

/// Knows the keys that a test gives it, and admits nobody.
class FakeAuthority final : public Authority {
public:
    std::map<std::string, std::shared_ptr<Key const>, std::less<>> keys;

    [[nodiscard]] std::shared_ptr<Key const> prove(std::string_view, std::string_view, Ip const&) override
    {
        throw Error(codes::wrong_key, "refused by the test");
    }
    [[nodiscard]] std::shared_ptr<Key const> still(BoundKey const&, Ip const&) override
    {
        throw Error(codes::wrong_key, "refused by the test");
    }
    [[nodiscard]] std::shared_ptr<Key const> find_key(std::string_view id) const override
    {
        auto const found = keys.find(id);
        return found == keys.end() ? nullptr : found->second;
    }
    [[nodiscard]] bool has_had_admin_key() const noexcept override { return true; }
    [[nodiscard]] AdminKeys admin_keys() const override { return {1, true}; }
    [[nodiscard]] asio::awaitable<void> wrong_try(std::shared_ptr<Peer>, std::string) override { co_return; }
};

} // namespace elves
