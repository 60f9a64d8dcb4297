// The only file that knows Boost.Log.
#include "elves/log.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <utility>

#include <boost/log/attributes/attribute_value_impl.hpp>
#include <boost/log/attributes/value_extraction.hpp>
#include <boost/log/core.hpp>
#include <boost/log/keywords/severity.hpp>
#include <boost/log/sinks/async_frontend.hpp>
#include <boost/log/sinks/basic_sink_backend.hpp>
#include <boost/log/sinks/bounded_fifo_queue.hpp>
#include <boost/log/sources/severity_logger.hpp>
#include <boost/make_shared.hpp>

#include "log/log_counts.hpp"
#include "log/log_lines.hpp"
#include "log/log_setup.hpp"

namespace elves {

namespace {

namespace blog = boost::log;
using TimeOfDay = std::chrono::system_clock::time_point;

constexpr std::size_t queue_length = 10'000;

std::atomic<int> current_level = static_cast<int>(log::Level::warning);
std::atomic<bool> has_sink = false;
std::atomic<unsigned> dropped = 0;
std::array<std::atomic<std::uint64_t>, 4> counts{}; ///< By level.

/// A full queue: nobody waits, and the backend says later how many there were.
struct CountDropped {
    template <class Lock>
    static bool on_overflow(blog::record_view const&, Lock&)
    {
        dropped.fetch_add(1, std::memory_order_relaxed);
        return false;
    }
    static void on_queue_space_available() {}
    static void interrupt() {}
};

/// On the log's thread, but for `reopen`; the frontend locks.
class Backend
    : public blog::sinks::basic_sink_backend<
          blog::sinks::combine_requirements<blog::sinks::synchronized_feeding, blog::sinks::flushing>::type> {
public:
    explicit Backend(LogSettings const& settings) : lines_(settings.file, settings.to_stderr) {}

    void consume(blog::record_view const& record)
    {
        auto const at = blog::extract<TimeOfDay>("At", record);
        auto const level = blog::extract<log::Level>("Severity", record);
        auto const text = blog::extract<std::string>("Message", record);
        if (at && level && text) lines_.write(log_line(at.get(), level.get(), text.get()));
        report_dropped();
    }
    void flush() { report_dropped(); }
    void reopen() { lines_.reopen(); }

private:
    void report_dropped()
    {
        unsigned const count = dropped.exchange(0, std::memory_order_relaxed);
        if (count == 0) return;
        lines_.write(log_line(std::chrono::system_clock::now(), log::Level::warning,
            std::to_string(count) + " log records dropped: they came faster than they could be written"));
    }

    LogLines lines_;
};

using Frontend =
    blog::sinks::asynchronous_sink<Backend, blog::sinks::bounded_fifo_queue<queue_length, CountDropped>>;
using Logger = blog::sources::severity_logger_mt<log::Level>;

/// Of the process, and never destroyed: threads may log until the very end.
Logger& logger()
{
    static auto* const one = new Logger;
    return *one;
}

} // namespace

class LogSetup::Sink {
public:
    explicit Sink(LogSettings const& settings)
        : frontend_(boost::make_shared<Frontend>(boost::make_shared<Backend>(settings)))
    {
        blog::core::get()->add_sink(frontend_);
    }
    ~Sink()
    {
        blog::core::get()->remove_sink(frontend_);
        frontend_->stop();
        frontend_->flush();
    }
    Sink(Sink const&) = delete;
    Sink& operator=(Sink const&) = delete;

    void reopen() { frontend_->locked_backend()->reopen(); }

private:
    boost::shared_ptr<Frontend> frontend_;
};

LogSetup::LogSetup(LogSettings settings) : sink_(std::make_unique<Sink>(settings))
{
    set_level(settings.level);
    has_sink = true;
}

LogSetup::~LogSetup()
{
    has_sink = false;
    set_level(log::Level::warning);
}

void LogSetup::reopen()
{
    try {
        sink_->reopen();
    } catch (std::exception const& error) {
        ELVES_LOG(warning, error.what());
    }
}

void LogSetup::set_level(log::Level level)
{
    current_level.store(static_cast<int>(level), std::memory_order_relaxed);
}

void LogSetup::mute()
{
    current_level.store(static_cast<int>(log::Level::error) + 1, std::memory_order_relaxed);
}

namespace log {

Level level() noexcept { return static_cast<Level>(current_level.load(std::memory_order_relaxed)); }

std::uint64_t count(Level level) noexcept
{
    return counts[static_cast<std::size_t>(level)].load(std::memory_order_relaxed);
}

void write(Level level, std::string text)
{
    counts[static_cast<std::size_t>(level)].fetch_add(1, std::memory_order_relaxed);
    auto const now = std::chrono::system_clock::now();
    if (!has_sink.load(std::memory_order_relaxed)) {
        if (level >= Level::warning) LogLines("", true).write(log_line(now, level, text));
        return;
    }
    auto record = logger().open_record(blog::keywords::severity = level);
    if (!record) return;
    record.attribute_values().insert("At", blog::attributes::make_attribute_value(now));
    record.attribute_values().insert("Message", blog::attributes::make_attribute_value(std::move(text)));
    logger().push_record(std::move(record));
}

void flush() { blog::core::get()->flush(); }

} // namespace log

} // namespace elves
