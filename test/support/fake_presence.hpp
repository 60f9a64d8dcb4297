#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "elves/services/presence.hpp"

namespace elves {

/// Who is there is what the test says.
class FakePresence final : public Presence {
public:
    [[nodiscard]] std::shared_ptr<Peer> link(Ip const& agent) const override
    {
        auto const found = links_.find(agent);
        return found == links_.end() ? nullptr : found->second;
    }
    [[nodiscard]] std::string online_by(Ip const& agent) const override
    {
        auto const found = keys_.find(agent);
        return found == keys_.end() ? std::string() : found->second;
    }
    [[nodiscard]] std::optional<Ip> agent_of(Peer const& peer) const override
    {
        for (auto const& [agent, link] : links_) {
            if (link.get() == &peer) return agent;
        }
        return std::nullopt;
    }
    void cut_links_of(std::string_view key, std::string_view) override { cut.emplace_back(key); }
    void on_link(std::function<void(Ip const&)> then) override { on_link_.push_back(std::move(then)); }
    /// As a restart of the server does.
    void forget_listeners()
    {
        on_link_.clear();
        parts.clear();
    }
    void on_forget(std::function<Belongings(Ip const&)> part) override { parts.push_back(std::move(part)); }
    void crons_from(CronSource source) override { crons_ = std::move(source); }

    /// As after a `register` on that connection.
    void come(Ip const& agent, std::shared_ptr<Peer> link, std::string key = {})
    {
        links_[agent] = std::move(link);
        keys_[agent] = std::move(key);
        for (auto const& then : on_link_) then(agent);
    }
    std::vector<std::string> cut;                            ///< The keys whose links were to be cut.
    std::vector<std::function<Belongings(Ip const&)>> parts; ///< Of those who hold something of machines.
    void go(Ip const& agent)
    {
        links_.erase(agent);
        keys_.erase(agent);
    }
    /// What `getinfobyip` would show.
    [[nodiscard]] std::vector<TaskId> crons(Ip const& agent) const
    {
        return crons_ ? crons_(agent, {}) : std::vector<TaskId>();
    }

private:
    std::map<Ip, std::shared_ptr<Peer>> links_;
    std::map<Ip, std::string> keys_;
    std::vector<std::function<void(Ip const&)>> on_link_;
    CronSource crons_;
};

} // namespace elves
