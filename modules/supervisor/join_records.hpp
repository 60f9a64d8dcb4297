#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elves/ip.hpp"
#include "elves/sql.hpp"
#include "elves/zone.hpp"

namespace elves {

/// What a machine says when it asks to join.
struct JoinAsk {
    Ip ip;            ///< That it wants to be.
    std::string hash; ///< SHA-256 in hex of the token that it made for itself.
    std::string asset;
    std::string version;
    Ip from; ///< From where it asks.
};

/// One that waits, or was rejected.
struct JoinRequest {
    std::int64_t id = 0;
    JoinAsk ask;
    bool is_rejected = false;
    Instant first{};
    Instant last{};
};

/// What lets machines in without an admin.
struct JoinToken {
    std::string id;
    std::string name;
    std::optional<IpRange> cidr; ///< Nothing: for one machine.
    Instant created{};
    Instant expires{};
    std::optional<Instant> used;
    std::string used_ip;
};

/// How many may wait to join.
struct JoinLimits {
    std::int64_t waiting = 5'000;
    std::int64_t waiting_of_one_asker = 100;
    std::int64_t waiting_of_one_ip = 16; ///< That ask from elsewhere than that IP.
};

/// Who asks to join, and the tokens that let in: the only place with their SQL. A view of a Db, for one work
/// of the store: what it does is in one transaction with what else that work does.
class JoinRecords {
public:
    static constexpr std::size_t most_tokens = 1'000;
    /// A machine that waits and asks no more is forgotten, and so is a rejected one. No token lives as long
    /// as that: one that was there when a machine was rejected never meets it as an unknown one.
    static constexpr std::chrono::hours waiting_memory{1};
    static constexpr std::chrono::hours rejected_memory{31 * 24};
    static constexpr std::chrono::hours longest_token_life{30 * 24};

    explicit JoinRecords(Db& db, JoinLimits limits = {}) : db_(db), limits_(limits) {}

    [[nodiscard]] std::optional<JoinRequest> find(Ip const& ip, std::string_view hash) const;
    [[nodiscard]] std::vector<JoinRequest> of(Ip const& ip) const;
    /// How many there are.
    struct Counts {
        std::int64_t waiting = 0;
        std::int64_t rejected = 0;
    };
    [[nodiscard]] Counts counts() const;
    /// By id, after `after`.
    [[nodiscard]] std::vector<JoinRequest> page(std::int64_t after, std::int64_t limit) const;
    /// It asks, or asks again: `known` is what `find` says of it. Throws Error 429.1 where too many wait.
    void wait(JoinAsk const& ask, std::optional<JoinRequest> const& known, Instant now) const;
    void reject(std::int64_t id) const;
    /// As if that machine had been rejected when it asked.
    void remember_rejected(JoinAsk const& ask, Instant now) const;
    void erase(Ip const& ip, std::string_view hash) const;

    void add_token(JoinToken const& token, std::string_view hash) const;
    [[nodiscard]] std::vector<JoinToken> tokens() const;
    /// False where there is none.
    [[nodiscard]] bool erase_token(std::string_view id) const;
    /// Uses it for that machine. Says why it doesn't let it in; "" where it does.
    [[nodiscard]] std::string use_token(std::string_view hash, JoinAsk const& ask, Instant now) const;

private:
    void forget(bool is_rejected, Instant before) const;
    void require_room(JoinAsk const& ask) const;
    [[nodiscard]] bool is_any_rejected(Ip const& ip) const;
    [[nodiscard]] std::int64_t count(std::string_view sql, std::string_view value) const;

    Db& db_;
    JoinLimits limits_;
};

} // namespace elves
