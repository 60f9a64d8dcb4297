#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "ask_limit.hpp"
#include "elves/method_table.hpp"
#include "elves/services/metrics.hpp"
#include "elves/services/presence.hpp"
#include "elves/services/server_identity.hpp"
#include "elves/settings.hpp"
#include "elves/store.hpp"
#include "elves/task_id.hpp"
#include "join_records.hpp"
#include "key_ring.hpp"
#include "key_words.hpp"

namespace elves {

/// Of a token that a machine made for itself: 64 hex digits.
struct TokenHash {
    std::string text;
};

/// A range of addresses that is not all of them.
struct JoinRange {
    IpRange range;
};

/// How machines come to keys of their own: they ask with the hash of a token that they made, and an
/// admin, or a join token, makes that a key which is bound to their address. An address has one machine:
/// another one is refused, and shown. A part of supervisor; on the loop's thread.
class Joins {
public:
    /// `presence`: null where there are no agents. `identity`: null where there is no port. All of them
    /// outlive it.
    Joins(Store& store, KeyRing& keys, Clock& clock, Presence* presence,
        ServerIdentity const* identity = nullptr)
        : store_(store), keys_(keys), clock_(clock), presence_(presence), identity_(identity)
    {
    }
    /// `join_…` of the section `[supervisor]`.
    void configure(Section const& section);
    void declare(MethodTable& table);
    /// What is to be done with the deletion of that key: its machine is as if rejected, and no token lets it
    /// in again. Nothing where it isn't one machine's.
    [[nodiscard]] Store::Work withdrawing(std::string_view key) const;
    /// Numbers of waiting and rejected machines. They are as old as the previous scrape, since join requests
    /// are kept in the store only.
    void write_metrics(MetricWriter& to);

private:
    struct Ask {
        Ip agentip;
        TokenHash hash;
        KeyName asset, version;
        std::optional<ShownSecret> join_token;
    };
    struct List {
        std::int64_t after = 0;
        std::int64_t limit = 100;
    };
    struct Named {
        Ip agentip;
        std::string fingerprint;
        bool replace = false;
    };
    struct NewToken {
        KeyName name;
        std::optional<JoinRange> cidr;
        std::chrono::seconds lifetime{86'400};
    };
    struct ById {
        TaskId id{};
    };
    enum class Outcome { waits, accepted, rejected, taken };
    /// What became of an ask.
    struct Verdict {
        Outcome outcome = Outcome::waits;
        std::string key;         ///< Of the machine, or of the one that holds its address.
        std::string why;         ///< The join token doesn't let it in.
        std::optional<Key> made; ///< Just now.
        bool is_news = false;
    };
    struct Accepted {
        JoinAsk ask;
        Key key;
        std::vector<std::string> replaced; ///< The keys that held the address.
    };

    [[nodiscard]] asio::awaitable<Reply> join(Ask in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> list(List in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> accept(Named in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> reject(Named in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> add_token(NewToken in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> list_tokens();
    [[nodiscard]] asio::awaitable<Reply> delete_token(ById in, Caller caller);

    /// The certificate, say, or key for many, by which that agent is online now, with another connection.
    [[nodiscard]] std::string online_by(Ip const& ip, Peer const& asking) const;
    [[nodiscard]] static Verdict judge(JoinRecords const& records, Db& db, JoinAsk const& ask,
        std::string const& token_hash, std::string const& key, std::string const& online_by, Instant now);
    [[nodiscard]] static Accepted let_in(
        Db& db, Named const& named, std::string const& key, std::string const& online_by, Instant now);
    static void tell(JoinAsk const& ask, Verdict const& verdict, std::string const& address);

    Store& store_;
    KeyRing& keys_;
    Clock& clock_;
    Presence* presence_;
    ServerIdentity const* identity_;
    AskLimit limit_;
    JoinLimits limits_;
    JoinRecords::Counts counted_; ///< For write_metrics.
    bool is_counting_ = false;
};

} // namespace elves
