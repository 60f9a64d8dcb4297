#include "http/change_feed.hpp"

#include <utility>

#include "elves/json.hpp"

namespace elves::http {

/// What one page listens to, and what it has not been told yet: each topic once, however often it changes.
class ChangeFeed::EventStream final : public Stream {
public:
    EventStream(ChangeFeed const& feed, std::set<std::string> topics, std::function<bool()> counts)
        : feed_(feed)
        , clock_(feed.clock_)
        , topics_(std::move(topics))
        , counts_(std::move(counts))
        , due_(topics_)
        , checked_(clock_.steady())
    {
    }

    [[nodiscard]] std::set<std::string> const& topics() const noexcept { return topics_; }
    void changed(std::string const& topic)
    {
        due_.insert(topic);
        wake_.set(true);
    }
    void stop() override
    {
        is_over_ = true;
        wake_.set(true);
    }

    [[nodiscard]] asio::awaitable<std::optional<std::string>> next() override
    {
        if (due_.empty() && !is_over_) {
            wake_ = OneShot<bool>();
            static_cast<void>(co_await wake_.wait(clock_, sign_of_life));
        }
        // Also where it is never quiet: a key that was deleted must hear nothing more.
        if (clock_.steady() - checked_ >= sign_of_life) {
            checked_ = clock_.steady();
            if (!counts_()) is_over_ = true;
        }
        if (is_over_) co_return std::nullopt;
        std::string text;
        for (auto const& topic : std::exchange(due_, {}))
            text += "id: " + std::to_string(feed_.seq_) +
                    "\nevent: change\ndata: " + json::serialize(json::object{{"topic", topic}}) + "\n\n";
        if (text.empty()) text = "event: here\ndata: {}\n\n";
        co_return text;
    }

private:
    ChangeFeed const& feed_;
    Clock& clock_;
    std::set<std::string> topics_;
    std::function<bool()> counts_;
    std::set<std::string> due_;
    Clock::Steady checked_; ///< When it was last asked whether it still counts.
    OneShot<bool> wake_;
    bool is_over_ = false;
};

bool ChangeFeed::knows(std::string_view topic) const
{
    return versions_.contains(topic.substr(0, topic.find(':')));
}

std::uint64_t ChangeFeed::version_of(std::string_view topic) const
{
    auto const colon = topic.find(':');
    auto const found = versions_.find(topic.substr(0, colon));
    auto const of = colon == std::string_view::npos ? std::string_view() : topic.substr(colon + 1);
    return found == versions_.end() ? 0 : found->second(of);
}

std::shared_ptr<Stream> ChangeFeed::open(std::set<std::string> topics, std::function<bool()> counts)
{
    std::erase_if(streams_, [](auto const& stream) { return stream.expired(); });
    if (streams_.size() >= most_streams) return nullptr;
    for (auto const& topic : topics)
        if (!seen_.contains(topic)) seen_[topic] = version_of(topic);
    auto stream = std::make_shared<EventStream>(*this, std::move(topics), std::move(counts));
    streams_.push_back(stream);
    if (!looking_.running()) look_later();
    return stream;
}

void ChangeFeed::look_later()
{
    looking_ = clock_.after(look_each, [this] { look(); });
}

/// Each topic is looked at once, however many listen to it.
void ChangeFeed::look()
{
    std::map<std::string, std::vector<std::shared_ptr<EventStream>>, std::less<>> listeners;
    for (auto const& weak : streams_) {
        auto const stream = weak.lock();
        if (!stream) continue;
        for (auto const& topic : stream->topics()) listeners[topic].push_back(stream);
    }
    std::erase_if(streams_, [](auto const& stream) { return stream.expired(); });
    std::erase_if(seen_, [&](auto const& entry) { return !listeners.contains(entry.first); });
    looking_.stop();
    if (listeners.empty()) return;
    for (auto const& [topic, streams] : listeners) {
        auto const version = version_of(topic);
        if (std::exchange(seen_[topic], version) == version) continue;
        ++seq_;
        for (auto const& stream : streams) stream->changed(topic);
    }
    look_later();
}

void ChangeFeed::stop()
{
    looking_.stop();
    for (auto const& weak : std::exchange(streams_, {}))
        if (auto const stream = weak.lock()) stream->stop();
}

} // namespace elves::http
