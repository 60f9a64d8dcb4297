#include "load/load.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include "load/cpu_time.hpp"
#include "load/crew.hpp"
#include "load/wire.hpp"

namespace elves::bench {

namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

/// How often an open loop looks what is due.
constexpr std::chrono::microseconds tick{100};

class Load {
public:
    Load(LoadPlan const& plan, Talk& talk, Worker* worker) : plan_(plan), talk_(talk)
    {
        if (worker) crew_.emplace(io_, *worker, plan.workers_at, plan.workers);
        for (std::size_t i = 0; i < plan.connections; ++i) connect();
    }

    LoadResult run()
    {
        begun_ = Clock::now();
        if (plan_.rate > 0) {
            ask_what_is_due();
        } else {
            for (auto& asker : askers_) fill(*asker, begun_);
        }
        after(plan_.warmup, [this] { begin_measuring(); });
        io_.run();
        return std::move(result_);
    }

private:
    struct Asker {
        std::size_t number = 0;
        std::shared_ptr<Wire> wire;
        std::deque<Time> asked; ///< When each of those was that wait for their answer.
    };

    void connect()
    {
        tcp::socket socket(io_);
        socket.connect(plan_.server);
        talk_.greet(socket, askers_.size());
        auto& asker = *askers_.emplace_back(std::make_unique<Asker>());
        asker.number = askers_.size() - 1;
        asker.wire = std::make_shared<Wire>(std::move(socket));
        asker.wire->start([this, &asker](std::string_view bytes) { return take(asker, bytes); },
            [] { throw std::runtime_error("the server closed a connection"); });
    }

    std::size_t take(Asker& asker, std::string_view bytes)
    {
        auto const now = Clock::now();
        std::size_t used = 0;
        while (used < bytes.size()) {
            auto const piece = talk_.answer(bytes.substr(used));
            if (piece.size == 0) break;
            used += piece.size;
            if (!piece.is_answer) continue;
            if (asker.asked.empty()) throw std::runtime_error("an answer that nobody asked for");
            if (piece.is_refusal) {
                if (!plan_.may_refuse) throw std::runtime_error("the server refuses: too much at once");
                ++result_.refused;
            } else if (measuring_)
                result_.latency.add(static_cast<std::uint64_t>((now - asker.asked.front()).count()));
            asker.asked.pop_front();
        }
        if (plan_.answers > 0 && result_.latency.count() >= plan_.answers) end_measuring();
        if (plan_.rate > 0) {
            ask_overdue(asker);
        } else {
            fill(asker, now);
        }
        return used;
    }

    void ask(Asker& asker, Time at)
    {
        asker.asked.push_back(at);
        talk_.ask(asker.wire->out(), asker.number);
    }

    void fill(Asker& asker, Time now)
    {
        while (asker.asked.size() < plan_.in_flight) ask(asker, now);
        asker.wire->flush();
    }

    void ask_what_is_due()
    {
        auto const due = static_cast<std::uint64_t>(
            std::chrono::duration<double>(Clock::now() - begun_).count() * plan_.rate);
        for (; asked_ < due; ++asked_) {
            auto const share = std::chrono::duration<double>(static_cast<double>(asked_) / plan_.rate);
            auto const at = begun_ + std::chrono::duration_cast<Clock::duration>(share);
            auto& asker = *askers_[asked_ % askers_.size()];
            if (asker.asked.size() < plan_.in_flight && overdue_.empty()) {
                ask(asker, at);
                asker.wire->flush();
            } else {
                overdue_.push_back(at);
            }
        }
        after(tick, [this] { ask_what_is_due(); });
    }

    /// Asks what could not be asked in time.
    void ask_overdue(Asker& asker)
    {
        for (; !overdue_.empty() && asker.asked.size() < plan_.in_flight; overdue_.pop_front()) {
            ask(asker, overdue_.front());
        }
        asker.wire->flush();
    }

    void begin_measuring()
    {
        measuring_ = true;
        from_ = Clock::now();
        server_cpu_ = cpu_time_of(plan_.watched);
        own_cpu_ = own_cpu_time();
        if (plan_.answers == 0) after(plan_.length, [this] { end_measuring(); });
    }

    void end_measuring()
    {
        measuring_ = false;
        result_.length = Clock::now() - from_;
        result_.server_cpu = cpu_time_of(plan_.watched) - server_cpu_;
        result_.own_cpu = own_cpu_time() - own_cpu_;
        io_.stop();
    }

    template <class Then>
    void after(std::chrono::duration<double> delay, Then then)
    {
        auto timer =
            std::make_shared<asio::steady_timer>(io_, std::chrono::duration_cast<Clock::duration>(delay));
        timer->async_wait([timer, then](auto const& failure) {
            if (!failure) then();
        });
    }

    LoadPlan const& plan_;
    Talk& talk_;
    asio::io_context io_{1};
    std::optional<Crew> crew_;
    std::vector<std::unique_ptr<Asker>> askers_;
    Time begun_;
    std::uint64_t asked_ = 0;
    std::deque<Time> overdue_;
    bool measuring_ = false;
    Time from_;
    std::chrono::duration<double> server_cpu_{};
    std::chrono::duration<double> own_cpu_{};
    LoadResult result_;
};

} // namespace

LoadResult run_load(LoadPlan const& plan, Talk& talk, Worker* worker)
{
    auto const load = std::make_unique<Load>(plan, talk, worker);
    return load->run();
}

} // namespace elves::bench
