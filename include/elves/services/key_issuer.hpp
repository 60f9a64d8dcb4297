#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "elves/caller.hpp"
#include "elves/services/authority.hpp"

namespace elves {

/// Makes keys on the server's own machine. Offered by supervisor.
class KeyIssuer {
public:
    static constexpr std::string_view service_name = "KeyIssuer (supervisor)";
    virtual ~KeyIssuer() = default;

    struct Issued {
        std::string key;
        std::string token; ///< Shown this once.
    };
    /// Before the loop runs only: a new key for every app and IP, on disk when this returns, together with
    /// what `also` writes about the key of that id.
    [[nodiscard]] virtual Issued issue_at_start(
        std::string name, Role role, std::function<void(Db&, std::string const&)> also) = 0;
    /// The admin keys at `now` by a data file that no server need have open. Any thread; throws
    /// std::exception where the file has no keys yet, or is older than this program.
    [[nodiscard]] virtual AdminKeys admin_keys_in(Db& db, Instant now) const = 0;
};

} // namespace elves
