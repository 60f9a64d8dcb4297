#pragma once

#include <map>
#include <string>
#include <vector>

#include "elves/ip.hpp"
#include "elves/json.hpp"

namespace elves::ctl {

/// Finds the ids of tasks that were sent and not answered: `sendsync` names the id in its answer only. A task
/// is recognized by what it was sent with and who sent it, and by being unfinished.
class UnansweredTasks {
public:
    /// `by`: as task records name the one who asked; "" for nobody.
    UnansweredTasks(json::object const& ins, bool is_async, std::string by);

    /// Adds an agent whose answer is missing.
    void expect(Ip const& agent);
    /// The next page of `listtasks`.
    [[nodiscard]] json::object next_call() const;
    /// Takes a page. False: enough was read; the next call begins again with the newest task.
    bool take(json::object const& page);
    [[nodiscard]] bool is_missing_any() const;
    /// The tasks that may be the one of `agent`, newest first; several where somebody sent the same twice.
    [[nodiscard]] std::vector<std::string> const& of(Ip const& agent) const;

private:
    [[nodiscard]] bool fits(json::object const& record) const;

    json::object filter_;
    std::string type_;
    std::string param_;
    std::string by_;
    std::string after_;
    std::size_t pages_ = 0;
    std::map<Ip, std::vector<std::string>> found_;
};

} // namespace elves::ctl
