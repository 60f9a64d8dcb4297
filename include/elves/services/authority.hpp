#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elves/asio.hpp"
#include "elves/caller.hpp"

namespace elves {

/// The keys of the role admin.
struct AdminKeys {
    std::size_t count = 0; ///< Those that count now: enabled and not expired.
    bool has_had = false;  ///< One has counted at some time.
};

/// Who a key is. Offered by supervisor, asked by the router. From memory; on the loop's thread.
class Authority {
public:
    static constexpr std::string_view service_name = "Authority (supervisor)";
    virtual ~Authority() = default;

    /// The valid key that `token` proves, shown from `from`; throws Error 401.5 otherwise, in the same time
    /// whatever is wrong.
    [[nodiscard]] virtual std::shared_ptr<Key const> prove(
        std::string_view key, std::string_view token, Ip const& from) = 0;
    /// The key that a connection was bound to, as it is now; throws Error 401.5 where it is gone, disabled or
    /// expired, or the token that it was bound by counts no longer.
    [[nodiscard]] virtual std::shared_ptr<Key const> still(BoundKey const& bound, Ip const& from) = 0;
    /// The key of that id as it is now, also where it is disabled or expired. Null: there is none.
    [[nodiscard]] virtual std::shared_ptr<Key const> find_key(std::string_view /*id*/) const
    {
        return nullptr;
    }
    /// What a connection is bound to by that key's present token. Nothing: there is no such key.
    [[nodiscard]] virtual std::optional<BoundKey> bound_to(std::string_view /*id*/) const
    {
        return std::nullopt;
    }
    /// Has a key of the role admin ever counted, enabled and not expired? From then on, for good, no address
    /// stands for an admin.
    [[nodiscard]] virtual bool has_had_admin_key() const noexcept = 0;
    [[nodiscard]] virtual AdminKeys admin_keys() const = 0;
    /// After an Error 401.5: notes that this caller has shown that key, and waits for as long as the answer
    /// is to wait.
    [[nodiscard]] virtual asio::awaitable<void> wrong_try(
        std::shared_ptr<Peer> peer, std::string shown_key) = 0;
    /// Who has shown which key wrongly of late, one line each; of a key its start only.
    [[nodiscard]] virtual std::vector<std::string> failed_logins() const { return {}; }
};

} // namespace elves
