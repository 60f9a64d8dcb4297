#include "ctl/run_view.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <unistd.h>
#include <utility>

#include "ctl/printable.hpp"
#include "ctl/terminal.hpp"

namespace elves::ctl {

namespace {

using namespace std::chrono_literals;

/// Longer than the server waits before it answers that nothing is new.
constexpr auto watch_limit = 40s;

json::object const& object_in(json::object const& fields, std::string_view name)
{
    static json::object const empty;
    auto const* const value = fields.if_contains(name);
    return value && value->is_object() ? value->get_object() : empty;
}

json::array const& list_in(json::object const& fields, std::string_view name)
{
    static json::array const empty;
    auto const* const value = fields.if_contains(name);
    return value && value->is_array() ? value->get_array() : empty;
}

std::string joined(json::array const& words)
{
    std::string text;
    for (auto const& word : words) text += (text.empty() ? "" : ", ") + plain(word);
    return text;
}

bool is_failure(std::string const& state)
{
    return state == "failed" || state == "timeout" || state == "lost";
}
bool is_silent(std::string const& state) { return state == "undelivered" || state == "expired"; }

bool has_ended(std::string const& state)
{
    static constexpr std::array ends{"done", "partial", "stopped", "canceled", "expired"};
    return std::find(ends.begin(), ends.end(), state) != ends.end();
}

std::string counts_text(json::object const& counts)
{
    std::string text;
    for (auto const& [state, count] : counts)
        text += (text.empty() ? "" : ", ") + plain(count) + " " + std::string(state);
    return text;
}

/// `running, wave 2 of 5: 7 done, 1 failed, 2 running, 10 held`
std::string progress_line(json::object const& run)
{
    return plain_field(run, "state") + ", wave " + plain_field(run, "wave") + " of " +
           plain_field(run, "wave_count") + ": " + counts_text(object_in(run, "counts"));
}

json::object run_of(Context const& with, std::string const& id)
{
    return object_in(with.session.call("run", "getrun", {{"id", id}}), "run");
}

/// Two lines that are rewritten in place on a terminal.
class LiveLines {
public:
    void show(std::string const& first, std::string const& second)
    {
        if (!is_terminal_) return;
        clear();
        // A line that wraps leaves its first row behind when it is rewritten.
        auto const columns = columns_of(STDERR_FILENO) - 1;
        std::fputs((cut_to(first, columns) + "\n" + cut_to(second, columns)).c_str(), stderr);
        is_shown_ = true;
    }
    /// Call it before anything else is written to the terminal.
    void clear()
    {
        if (std::exchange(is_shown_, false)) std::fputs("\r\x1b[K\x1b[1A\r\x1b[K", stderr);
    }
    [[nodiscard]] bool is_terminal() const noexcept { return is_terminal_; }

private:
    bool is_terminal_ = ::isatty(STDERR_FILENO) == 1;
    bool is_shown_ = false;
};

/// How many hosts there are, and how many of them have ended.
struct Ended {
    explicit Ended(json::object const& counts)
    {
        for (auto const& [state, count] : counts) {
            auto const number = static_cast<std::size_t>(std::stoull("0" + plain(count)));
            all += number;
            bool const is_open =
                state == "held" || state == "waiting" || state == "sent" || state == "running";
            if (!is_open) ended += number;
        }
    }
    /// `[########------------] 120 of 300`
    [[nodiscard]] std::string bar() const
    {
        constexpr std::size_t width = 20;
        auto const full = all == 0 ? 0 : ended * width / all;
        return "[" + std::string(full, '#') + std::string(width - full, '-') + "] " + std::to_string(ended) +
               " of " + std::to_string(all);
    }
    std::size_t all = 0;
    std::size_t ended = 0;
};

/// One run as it goes on.
class Watcher {
public:
    Watcher(Context const& with, std::string id) : with_(with), id_(std::move(id)) {}

    asio::awaitable<void> run()
    {
        for (;;) {
            json::object call{{"id", id_}, {"since", std::to_string(seq_)}};
            auto const back = co_await with_.session.ask("run", "watchrun", std::move(call), watch_limit);
            if (!back.flag) throw Refused(back.error_info, back.fields);
            seq_ = std::max<std::int64_t>(seq_, std::stoll("0" + plain_field(back.fields, "seq")));
            show(back.fields);
            state_ = plain_field(back.fields, "state");
            if (has_ended(state_) || state_ == "paused") co_return;
        }
    }
    void clear() { lines_.clear(); }

private:
    void show(json::object const& news)
    {
        if (with_.out.is_json()) {
            with_.out.document(document_of(true, "", news));
            return;
        }
        for (auto const& end : list_in(news, "ended")) {
            if (!end.is_object()) continue;
            auto const state = plain_field(end.get_object(), "state");
            if (!is_failure(state) && !is_silent(state)) continue;
            lines_.clear();
            with_.out.raw(printable(plain_field(end.get_object(), "agentip")) + "  " +
                          painted(printable(state), with_.out.has_color()) + "\n");
        }
        auto const& counts = object_in(news, "counts");
        auto const wave = "wave " + plain_field(news, "wave") + " of " + plain_field(news, "wave_count");
        lines_.show(
            plain_field(news, "state") + ", " + wave + "  " + Ended(counts).bar(), counts_text(counts));
        // Into a file: a line for each wave.
        if (!lines_.is_terminal() && wave != std::exchange(wave_, wave)) with_.out.line(wave);
    }

    Context const& with_;
    std::string id_;
    std::int64_t seq_ = 0;
    std::string state_;
    std::string wave_;
    LiveLines lines_;
};

std::string paused_text(std::string const& why)
{
    if (why == "max_fail") return "more hosts failed than `max_fail` tolerates";
    if (why == "wave") return "a wave is over";
    if (why == "key") return "its key may not do that any more";
    return "a person paused it";
}

void print_next_steps(Context const& with, std::string const& id, json::object const& run)
{
    auto const state = plain_field(run, "state");
    auto const& counts = object_in(run, "counts");
    auto const command = "  elvesctl" + with.connection + " runs ";
    if (state == "paused") {
        with.out.line("paused: " + paused_text(plain_field(run, "why")));
        auto const more = plain_field(run, "why") == "max_fail" ? " --max-fail N" : "";
        with.out.line(command + "resume " + id + more + "     or: stop, cancel");
        return;
    }
    std::string states;
    for (auto const& [name, count] : counts) {
        if (name != "done" && name != "held") states += (states.empty() ? "" : ",") + std::string(name);
    }
    if (!states.empty() && has_ended(state)) with.out.line(command + "retry " + id + " --states " + states);
}

void print_silent(Context const& with, std::string const& id, json::object const& counts)
{
    for (auto const* const state : {"undelivered", "expired"}) {
        if (!counts.contains(state)) continue;
        auto const reply =
            with.session.list("run", "listrunhosts", {{"id", id}, {"state", state}, {"limit", 1000}});
        std::string names;
        for (auto const& host : rows_of(reply))
            names += (names.empty() ? "" : ", ") + plain_field(host.as_object(), "agentip");
        with.out.line(std::string(state) + ": " + names);
    }
}

} // namespace

std::vector<std::string> plan_lines(json::object const& plan)
{
    std::vector<std::string> lines;
    lines.push_back(plain_field(plan, "count") + " hosts: " + plain_field(plan, "online") + " online, " +
                    plain_field(plan, "offline") + " offline");
    std::string waves;
    constexpr std::size_t most_waves = 12;
    auto const& all = list_in(plan, "waves");
    for (std::size_t i = 0; i < std::min(all.size(), most_waves); ++i)
        waves += (i == 0 ? "" : ", ") + plain_field(all[i].as_object(), "hosts");
    if (all.size() > most_waves) waves += ", ...";
    lines.push_back(std::to_string(all.size()) + (all.size() == 1 ? " wave: " : " waves: ") + waves);
    if (!all.empty()) lines.push_back("the first: " + joined(list_in(all.front().as_object(), "first")));
    if (auto const& offline = list_in(plan, "offline_hosts"); !offline.empty())
        lines.push_back("offline: " + joined(offline));
    if (plain_field(plan, "undecided") != "0")
        lines.push_back(plain_field(plan, "undecided") + " hosts are left out as undecided, for want of " +
                        joined(list_in(plan, "undecided_by")));
    for (auto const& entry : list_in(plan, "windows")) {
        auto const& window = entry.as_object();
        auto const note = plain_field(window, "note");
        lines.push_back("window " + plain_field(window, "name") + " holds " + plain_field(window, "hosts") +
                        " hosts back until " + plain_field(window, "until") +
                        (note.empty() ? "" : ": " + note));
    }
    if (plain_field(plan, "rests_on_facts") == "true")
        lines.push_back("it rests on facts, which agents say of themselves");
    lines.push_back("at most " + plain_field(plan, "worst") + " hosts can have failed when it pauses");
    return lines;
}

Exit report_run(Context const& with, std::string const& id)
{
    auto const run = run_of(with, id);
    auto const answers = with.session.list("run", "listanswers", {{"id", id}, {"limit", 1000}});
    auto const state = plain_field(run, "state");
    auto const exit = state == "done" ? Exit::well : Exit::task_failed;
    if (with.out.is_json()) {
        json::object document{{"run", run}, {"answers", rows_of(answers)}};
        with.out.document(document_of(true, "", document));
        return exit;
    }
    auto const& ins = object_in(run, "ins");
    with.out.line("run " + id + "  " + plain_field(ins, "app") + "." + plain_field(ins, "func") + "  " +
                  progress_line(run));
    if (auto const note = plain_field(run, "note"); !note.empty()) with.out.line("note: " + note);
    for (auto const& row : rows_of(answers)) {
        auto const& answer = row.as_object();
        auto const code = plain_field(answer, "exit_code");
        // The colour is ours; all else was said by others, and is made printable.
        with.out.raw(printable(plain_field(answer, "count")) + "x " +
                     painted(printable(plain_field(answer, "state")), with.out.has_color()) +
                     printable((code.empty() || code == "0" ? "" : ", exit code " + code) + ": " +
                               plain_field(answer, "text")) +
                     "\n");
        with.out.line(
            "    " + joined(list_in(answer, "hosts")) +
            (list_in(answer, "hosts").size() == 10 && plain_field(answer, "count") != "10" ? ", ..." : ""));
    }
    print_silent(with, id, object_in(run, "counts"));
    print_next_steps(with, id, run);
    return exit;
}

Exit watch_run(Context const& with, std::string const& id)
{
    with.session.connect();
    Watcher watcher(with, id);
    Session::Each const work = [&watcher](std::size_t) { return watcher.run(); };
    with.session.each(1, 1, work);
    watcher.clear();
    if (with.session.interrupted()) {
        with.out.note("run " + id + " goes on; elvesctl" + with.connection + " runs watch " + id);
        return Exit::interrupted;
    }
    return report_run(with, id);
}

} // namespace elves::ctl
