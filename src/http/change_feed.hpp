#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "elves/asio.hpp"
#include "elves/clock.hpp"
#include "elves/one_shot.hpp"
#include "http/stream.hpp"

namespace elves::http {

/// Tells pages that are open what they have to read anew. Looks while somebody listens, and costs nothing
/// else. On the loop's thread; `clock` outlives it.
class ChangeFeed {
public:
    static constexpr std::chrono::milliseconds look_each{500};
    static constexpr std::chrono::seconds sign_of_life{15};
    static constexpr std::size_t most_streams = 100;
    static constexpr std::size_t most_topics = 16; ///< Of one stream.

    explicit ChangeFeed(Clock& clock) : clock_(clock) {}

    /// A number that is another one whenever something of this topic has changed. `name` is a topic, or for
    /// topics of many things what stands before the colon: `task` of `task:A49B1E8FA1B43BC5`, whose number is
    /// asked for with what stands behind it.
    using Version = std::function<std::uint64_t(std::string_view of)>;
    void add_topic(std::string name, Version version) { versions_[std::move(name)] = std::move(version); }
    [[nodiscard]] bool knows(std::string_view topic) const;

    /// A stream of Server-Sent Events. Begins with a change of each topic: whatever has changed since the
    /// page was read is in what it reads then. Ends when `counts` no longer says true, which is asked each 15
    /// s. Null: there are too many already.
    [[nodiscard]] std::shared_ptr<Stream> open(std::set<std::string> topics, std::function<bool()> counts);
    /// Grows with each change that a stream was told of.
    [[nodiscard]] std::uint64_t seq() const noexcept { return seq_; }
    /// Ends all streams.
    void stop();

private:
    class EventStream;

    void look_later();
    void look();
    [[nodiscard]] std::uint64_t version_of(std::string_view topic) const;

    Clock& clock_;
    std::map<std::string, Version, std::less<>> versions_;
    std::map<std::string, std::uint64_t, std::less<>> seen_; ///< Of the topics that somebody listens to.
    std::vector<std::weak_ptr<EventStream>> streams_;
    std::uint64_t seq_ = 0;
    Timer looking_;
};

} // namespace elves::http
