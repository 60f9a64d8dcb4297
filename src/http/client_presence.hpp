#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace elves::http {

/// Whether who asked still waits for the answer. On the loop's thread.
class ClientPresence {
public:
    [[nodiscard]] bool is_gone() const noexcept { return is_gone_; }
    /// Calls `then` once, when the client has gone; at once, when it has already.
    void on_gone(std::function<void()> then)
    {
        if (is_gone_) return then();
        listeners_.push_back(std::move(then));
    }
    void set_gone()
    {
        is_gone_ = true;
        for (auto const& then : std::exchange(listeners_, {})) then();
    }

private:
    bool is_gone_ = false;
    std::vector<std::function<void()>> listeners_;
};

} // namespace elves::http
