#include "run_gate.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "elves/error.hpp"
#include "elves/log.hpp"
#include "gate_records.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

/// A window that something waits for is looked at this often at least: the time of day may have been set.
constexpr std::chrono::milliseconds longest_wait = 30s;
constexpr std::chrono::milliseconds shortest_wait = 10ms;

bool covers(AppGlobs const& apps, Instruction const& ins) { return apps.entries.empty() || apps.covers(ins); }

std::string window_place(std::string const& name) { return "window " + name; }
std::string cap_place(std::string const& name, std::string const& value)
{
    return "cap " + name + "=" + value;
}

} // namespace

RunGate::RunGate(TaskEngine const& engine, Targets& targets, Store& store, Clock& clock, Zone zone)
    : engine_(engine), targets_(targets), store_(store), clock_(clock), zone_(zone)
{
    targets_.group_users_from([this](std::string_view group) { return users_of(group); });
}

void RunGate::start()
{
    std::vector<StartWindow> windows;
    std::vector<StartCap> caps;
    store_.at_start([&](Db& db) {
        windows = gate_records::windows(db);
        caps = gate_records::caps(db);
    });
    auto const keep_readable = [this](auto stored, std::string_view what) {
        auto const name = stored.name;
        try {
            auto test = targets_.host_test(stored.target);
            keep(std::move(stored), std::move(test));
        } catch (Error const& error) {
            // The file was changed by something else: better no gate than no server, but not in silence.
            ELVES_LOG(error, "gate.not_read " << what << "=" << name << " error=" << error.info()
                                              << ": it holds nothing back; set it anew");
        }
    };
    for (auto& window : windows) keep_readable(std::move(window), "window");
    for (auto& cap : caps) keep_readable(std::move(cap), "cap");
}

void RunGate::stop()
{
    timer_.stop();
    opening_.clear();
}

// ---- asking ----

std::optional<StartGate::Obstacle> RunGate::obstacle(Ip const& host, Instruction const& ins)
{
    for (auto& [name, entry] : windows_) {
        if (!covers(entry.window.apps, ins) || !is_closed(entry) || !entry.test->selects(host)) continue;
        auto const place = window_place(name);
        wake_at(place, entry.stretch.to);
        auto const zone = entry.window.zone.value_or(zone_);
        auto const note = entry.window.note.empty() ? std::string() : " (" + entry.window.note + ")";
        return Obstacle{place,
            "window " + name + ": closed until " + zone.text(entry.stretch.to) + note + "; until then " +
                ins.name() + " does not start on " + host.text(),
            false};
    }
    for (auto& [name, entry] : caps_) {
        if (!covers(entry.cap.apps, ins) || !entry.test->selects(host)) continue;
        auto const value = value_of(entry.cap, host);
        if (entry.count.of(value) < entry.cap.most) continue;
        auto const where = entry.cap.per == "all" ? std::string() : " for " + entry.cap.per + " " + value;
        return Obstacle{cap_place(name, value),
            "cap " + name + ": " + std::to_string(entry.cap.most) + " tasks run already" + where +
                ", which is the most at once; " + ins.name() + " does not start on " + host.text() + " now",
            true};
    }
    return std::nullopt;
}

bool RunGate::is_capped(Instruction const& ins) const
{
    return std::any_of(
        caps_.begin(), caps_.end(), [&](auto const& each) { return covers(each.second.cap.apps, ins); });
}

asio::awaitable<std::vector<RunGate::Closed>> RunGate::closed_for(
    std::vector<Ip> hosts, Instruction ins, Instant at) const
{
    constexpr std::size_t hosts_of_slice = 256;
    std::vector<Closed> closed;
    for (auto const& [name, entry] : windows_) {
        auto const stretch = entry.window.stretch(zone_, at);
        if (covers(entry.window.apps, ins) && stretch.is_closed)
            closed.push_back({name, entry.window.note, stretch.to, {}});
    }
    auto const loop = co_await asio::this_coro::executor;
    for (auto& one : closed) {
        for (std::size_t first = 0; first < hosts.size(); first += hosts_of_slice) {
            // It may have been deleted meanwhile.
            auto const found = windows_.find(one.name);
            if (found == windows_.end()) break;
            auto const end = std::min(first + hosts_of_slice, hosts.size());
            for (auto place = first; place < end; ++place)
                if (found->second.test->selects(hosts[place])) one.hosts.push_back(hosts[place]);
            co_await asio::post(loop, asio::use_awaitable);
        }
    }
    std::erase_if(closed, [](Closed const& one) { return one.hosts.empty(); });
    co_return closed;
}

bool RunGate::is_closed(WindowEntry& entry)
{
    auto const now = clock_.now();
    if (!entry.stretch.has(now)) entry.stretch = entry.window.stretch(zone_, now);
    return entry.stretch.is_closed;
}

std::string RunGate::value_of(StartCap const& cap, Ip const& host) const
{
    if (cap.per == "all") return {};
    if (cap.per == "host") return host.text();
    return targets_.host_value(host, cap.per).value_or("");
}

// ---- counting ----

void RunGate::begun(TaskId task, Ip const& host, Instruction const& ins)
{
    if (!sees_starts_) return;
    if (auto const [at, is_new] = begun_.try_emplace(task); is_new) {
        at->second.host = host;
        at->second.ins.app = ins.app;
        at->second.ins.func = ins.func;
    }
    for (auto& [name, entry] : caps_) {
        if (covers(entry.cap.apps, ins) && entry.test->selects(host))
            entry.count.add(task, value_of(entry.cap, host));
    }
}

void RunGate::ended(TaskId task)
{
    if (!sees_starts_) return;
    begun_.erase(task);
    std::vector<std::string> places;
    for (auto& [name, entry] : caps_) {
        if (auto const value = entry.count.remove(task)) places.push_back(cap_place(name, *value));
    }
    for (auto const& place : places) free(place);
}

void RunGate::count_open(CapEntry& entry)
{
    for (auto const id : engine_.open_all()) {
        auto const* const task = engine_.open(id);
        bool const has_begun =
            task && (task->status == TaskStatus::sent || task->status == TaskStatus::running);
        if (has_begun && covers(entry.cap.apps, task->ins) && entry.test->selects(task->agent))
            entry.count.add(id, value_of(entry.cap, task->agent));
    }
    for (auto const& [id, each] : begun_) {
        if (covers(entry.cap.apps, each.ins) && entry.test->selects(each.host))
            entry.count.add(id, value_of(entry.cap, each.host));
    }
}

/// From here on every start is seen. When this returns, those that began before are in the log, or on their
/// way to the disk: they are there before what is written next.
asio::awaitable<void> RunGate::see_starts()
{
    if (std::exchange(sees_starts_, true)) co_return;
    auto const loop = co_await asio::this_coro::executor;
    co_await asio::post(loop, asio::use_awaitable);
    std::function<bool(Db&)> nothing = [](Db&) { return true; };
    static_cast<void>(co_await store_.read<bool>(std::move(nothing)));
}

// ---- what becomes free ----

void RunGate::wake_at(std::string const& place, Instant at)
{
    opening_.insert_or_assign(place, at);
    if (!timer_.running()) timer_ = clock_.after(shortest_wait, [this] { wake(); });
}

/// Frees the windows that are open by now, and waits for the next one.
void RunGate::wake()
{
    timer_.stop();
    auto const now = clock_.now();
    std::vector<std::string> open;
    auto wait = longest_wait;
    for (auto const& [place, at] : opening_) {
        auto const found = windows_.find(place.substr(window_place("").size()));
        if (found == windows_.end() || !is_closed(found->second)) {
            open.push_back(place);
        } else {
            wait = std::min(
                wait, std::max<std::chrono::milliseconds>(found->second.stretch.to - now, shortest_wait));
        }
    }
    for (auto const& place : open) opening_.erase(place);
    if (!opening_.empty()) timer_ = clock_.after(wait, [this] { wake(); });
    for (auto const& place : open) free(place);
}

void RunGate::free(std::string const& place)
{
    for (auto const& then : on_free_) then(place);
}

// ---- changing ----

void RunGate::keep(StartWindow window, std::unique_ptr<HostTest> test)
{
    auto name = window.name;
    windows_.insert_or_assign(std::move(name), WindowEntry{std::move(window), std::move(test)});
}

void RunGate::keep(StartCap cap, std::unique_ptr<HostTest> test)
{
    auto name = cap.name;
    sees_starts_ = true;
    auto const at = caps_.insert_or_assign(std::move(name), CapEntry{std::move(cap), std::move(test)}).first;
    count_open(at->second);
}

asio::awaitable<void> RunGate::set(StartWindow window, Store::Work also)
{
    window.require_sound(zone_, clock_.now());
    auto test = targets_.host_test(window.target);
    if (!windows_.contains(window.name) && windows_.size() >= most_windows)
        throw Error(codes::too_much, "there are 1000 windows; delete one first");
    Store::Work write = [window](Db& db) { gate_records::put(db, window); };
    write = together(std::move(write), std::move(also));
    co_await store_.write(std::move(write));
    keep(std::move(window), std::move(test));
    // It may be open now, or for other hosts.
    free({});
}

asio::awaitable<void> RunGate::set(StartCap cap, Store::Work also)
{
    auto test = targets_.host_test(cap.target);
    if (cap.per != "all" && cap.per != "host") targets_.require_field("per", cap.per);
    if (!caps_.contains(cap.name) && caps_.size() >= most_caps)
        throw Error(codes::too_much, "there are 100 caps; delete one first");
    Store::Work write = [cap](Db& db) { gate_records::put(db, cap); };
    write = together(std::move(write), std::move(also));
    co_await see_starts();
    co_await store_.write(std::move(write));
    keep(std::move(cap), std::move(test));
    free({});
}

asio::awaitable<void> RunGate::erase_window(std::string name, Store::Work also)
{
    Store::Work write = [name](Db& db) {
        if (!gate_records::erase_window(db, name))
            throw Error(
                codes::no_group, "there is no window " + name + "; run.listwindows lists what there is");
    };
    write = together(std::move(write), std::move(also));
    co_await store_.write(std::move(write));
    windows_.erase(name);
    free(window_place(name));
}

asio::awaitable<void> RunGate::erase_cap(std::string name, Store::Work also)
{
    Store::Work write = [name](Db& db) {
        if (!gate_records::erase_cap(db, name))
            throw Error(codes::no_group, "there is no cap " + name + "; run.listcaps lists what there is");
    };
    write = together(std::move(write), std::move(also));
    co_await store_.write(std::move(write));
    caps_.erase(name);
    free({});
}

std::vector<std::string> RunGate::users_of(std::string_view group) const
{
    std::vector<std::string> users;
    std::string const name(group);
    for (auto const& [window, entry] : windows_) {
        if (targets_.groups_of(entry.window.target).contains(name)) users.push_back("the window " + window);
    }
    for (auto const& [cap, entry] : caps_) {
        if (targets_.groups_of(entry.cap.target).contains(name)) users.push_back("the cap " + cap);
    }
    return users;
}

} // namespace elves
