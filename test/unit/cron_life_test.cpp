#include "elves/cron_life.hpp"

#include <map>
#include <random>

#include "catch.hpp"
#include "elves/quartz_count.hpp"

using namespace elves;
using namespace elves::cron_life;
using namespace std::chrono_literals;

namespace {

Instant at(std::string_view iso) { return parse_iso(iso).value(); }
Instant day(std::string_view time) { return at("2026-01-01T" + std::string(time) + "Z"); }

/// A job with a rule that lives as long.
struct Subject {
    explicit Subject(std::string_view rule_, std::string_view zone = "UTC")
        : rule(QuartzRule::parse(rule_)), job{rule, Zone::named(zone).value(), 0s, {}, {}, {}, {}}
    {
    }
    QuartzRule rule;
    Job job;
};

std::string action_text(Action const& action)
{
    if (auto const* run = std::get_if<Run>(&action))
        return std::string(run->replaces ? "replace " : "run ") + iso_text(run->fire_time).substr(11, 8);
    if (auto const* skip = std::get_if<Skip>(&action))
        return "skip " + iso_text(skip->fire_time).substr(11, 8);
    if (auto const* missed = std::get_if<Missed>(&action))
        return "missed " + std::to_string(missed->times.count) + " " +
               iso_text(missed->times.first).substr(11, 8) + " " +
               iso_text(missed->times.last).substr(11, 8) + (missed->was_absent ? " absent" : "") +
               (missed->makes_up ? " owed" : "");
    return "wait";
}

std::vector<Instant> each(QuartzRule const& rule, Zone const& zone, Instant after, Instant until)
{
    std::vector<Instant> times;
    for (auto next = rule.next_after(after, zone); next && *next <= until;
         next = rule.next_after(*next, zone))
        times.push_back(*next);
    return times;
}

} // namespace

TEST_CASE("counting a rule's times agrees with going from one to the next", "[cron][quartz]")
{
    struct Case {
        std::string_view rule, zone, after, until;
    };
    auto const one = GENERATE(values<Case>({
        {"* * * * * ?", "UTC", "2026-01-01T00:00:00Z", "2026-01-01T03:00:00Z"},
        {"0 0/7 3-20 * * ?", "UTC", "2026-01-01T00:00:10Z", "2026-03-05T11:11:11Z"},
        {"0 30 * * * ?", "Europe/Berlin", "2026-03-27T00:00:00Z", "2026-04-02T00:00:00Z"},
        {"0 30 2 * * ?", "Europe/Berlin", "2026-03-01T00:00:00Z", "2026-11-30T00:00:00Z"},
        {"0/20 * 2 * * ?", "Europe/Berlin", "2026-10-24T00:00:00Z", "2026-10-25T00:20:00Z"},
        {"0/20 * 2 * * ?", "Europe/Berlin", "2026-10-25T00:10:00Z", "2026-10-25T00:50:00Z"},
        {"0/20 * 2 * * ?", "Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"},
        {"0/20 * * * * ?", "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T12:00:00Z"},
        {"0 15 * * * ?", "Australia/Lord_Howe", "2026-03-30T00:00:00Z", "2026-10-10T00:00:00Z"},
        {"0 0/5 * L * ?", "America/New_York", "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
        {"0 0 12 ? * 6#3", "Asia/Kathmandu", "2020-01-01T00:00:00Z", "2031-01-01T00:00:00Z"},
        {"0 0 0 29 2 ? 2024-2040", "Europe/London", "2020-01-01T00:00:00Z", "2039-05-01T00:00:00Z"},
        {"0 0 3 * * ?", "Pacific/Apia", "2011-12-25T00:00:00Z", "2012-01-05T00:00:00Z"},
        {"0 0 0 30 2 ?", "UTC", "2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z"},
        {"0/7\n0 *\r\n* * ?", "UTC", "2026-01-01T00:00:00Z", "2026-01-01T05:00:00Z"},
    }));
    INFO(one.rule << " " << one.zone << " " << one.after);
    auto const rule = QuartzRule::parse(one.rule);
    auto const zone = Zone::named(one.zone).value();
    auto const times = each(rule, zone, at(one.after), at(one.until));
    CHECK(count_times(rule, zone, at(one.after), at(one.until)) == times.size());
    auto const last = last_time(rule, zone, at(one.after), at(one.until));
    CHECK(last == (times.empty() ? std::nullopt : std::optional(times.back())));
}

TEST_CASE("counting agrees on random spans, across clock changes too", "[cron][quartz]")
{
    std::mt19937 random(11); // NOLINT(cert-msc51-cpp): the same each time on purpose
    auto const below = [&](unsigned n) { return static_cast<int>(random() % n); };
    constexpr std::string_view zones[] = {"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
        "Africa/Casablanca", "Asia/Tehran"};
    constexpr std::string_view rules[] = {"0 0/10 * * * ?", "30 5,35 0-4 * * ?", "0 0 1-3 ? * SUN",
        "15 59 23 LW * ?", "0/30 0 2 * 3,10 ?", "7 7 7 7 * ? 2020-2028"};
    for (int i = 0; i < 400; ++i) {
        auto const zone = Zone::named(zones[below(std::size(zones))]).value();
        auto const rule = QuartzRule::parse(rules[below(std::size(rules))]);
        auto const from = at("2026-03-20T00:00:00Z") + std::chrono::seconds(below(240 * 86'400));
        auto const until = from + std::chrono::milliseconds(1000LL * below(3 * 86'400) + below(1000));
        auto const times = each(rule, zone, from, until);
        INFO(rule.text() << " " << zone.name() << " " << iso_text(from) << " " << iso_text(until));
        REQUIRE(count_times(rule, zone, from, until) == times.size());
        REQUIRE(last_time(rule, zone, from, until) ==
                (times.empty() ? std::nullopt : std::optional(times.back())));
    }
}

TEST_CASE("what is due of a job", "[cron]")
{
    struct Case {
        std::string_view what, accounted, now, expected;
        bool is_running = false;
        Misfire misfire = Misfire::skip;
        Overlap overlap = Overlap::skip;
        std::string_view absent_until = "00:00:00";
        std::chrono::seconds delay{0};
    };
    constexpr auto once = Misfire::once;
    auto const one = GENERATE(values<Case>({
        {"not yet", "00:01:00", "00:01:59", "wait"},
        {"in time", "00:01:00", "00:02:00", "run 00:02:00"},
        {"late, but not by more than the grace", "00:01:00", "00:03:00", "run 00:02:00"},
        {"too late", "00:01:00", "00:03:01", "missed 2 00:02:00 00:03:00"},
        {"too late, and made up for", "00:01:00", "00:04:30", "missed 3 00:02:00 00:04:00 owed", false, once},
        {"nobody was there", "00:01:00", "00:02:10", "missed 1 00:02:00 00:02:00 absent", false,
            Misfire::skip, Overlap::skip, "00:02:05"},
        {"nobody was there until just now", "00:01:00", "00:02:00", "missed 1 00:02:00 00:02:00 absent owed",
            false, once, Overlap::skip, "00:02:00"},
        {"the last run goes on: skip", "00:01:00", "00:02:00", "skip 00:02:00", true},
        {"the last run goes on: allow", "00:01:00", "00:02:00", "run 00:02:00", true, Misfire::skip,
            Overlap::allow},
        {"the last run goes on: replace", "00:01:00", "00:02:00", "replace 00:02:00", true, Misfire::skip,
            Overlap::replace},
        {"jitter delays it", "00:01:00", "00:02:19", "wait", false, Misfire::skip, Overlap::skip, "00:00:00",
            20s},
        {"with jitter the fire time is the rule's", "00:01:00", "00:02:20", "run 00:02:00", false,
            Misfire::skip, Overlap::skip, "00:00:00", 20s},
        {"what jitter still delays is not missed", "00:01:00", "00:05:10", "missed 3 00:02:00 00:04:00",
            false, Misfire::skip, Overlap::skip, "00:00:00", 20s},
        {"due before the absence ended, by its jitter", "00:01:00", "00:02:30", "run 00:02:00", false,
            Misfire::skip, Overlap::skip, "00:02:10", 20s},
    }));
    INFO(one.what);
    Subject subject("0 * * * * ?");
    subject.job.misfire = one.misfire;
    subject.job.overlap = one.overlap;
    subject.job.delay = one.delay;
    auto const state = resume(subject.job, day(one.accounted), {}, day(one.absent_until));
    auto const decision = decide(subject.job, state, day(one.now), one.is_running);
    CHECK(action_text(decision.action) == one.expected);
    // Asked again, it has nothing more of what it has decided.
    CHECK(decision.state.accounted >= state.accounted);
    if (auto const next = deadline(subject.job, decision.state); next && one.expected != "wait")
        CHECK(*decision.state.next > *state.next);
}

TEST_CASE("a run that is owed survives, is paid once, and goes by the overlap rule", "[cron]")
{
    Subject subject("0 * * * * ?");
    subject.job.misfire = Misfire::once;
    auto state = resume(subject.job, day("00:01:00"), {}, day("00:05:30"));
    auto const missed = decide(subject.job, state, day("00:05:30"), false);
    REQUIRE(action_text(missed.action) == "missed 4 00:02:00 00:05:00 absent owed");
    CHECK(missed.state.owed == day("00:05:00"));
    // A crash here: the disk has both.
    state = resume(subject.job, missed.state.accounted, missed.state.owed, day("00:05:40"));
    CHECK(action_text(decide(subject.job, state, day("00:05:40"), false).action) == "wait");
    CHECK(action_text(make_up(subject.job, state, true).action) == "skip 00:05:00");
    auto const paid = make_up(subject.job, state, false);
    CHECK(action_text(paid.action) == "run 00:05:00");
    CHECK(action_text(make_up(subject.job, paid.state, false).action) == "wait");
    // The next time is not held up by it.
    CHECK(action_text(decide(subject.job, state, day("00:06:00"), false).action) == "run 00:06:00");
}

TEST_CASE("start and end bound a job's times", "[cron]")
{
    Subject subject("0 * * * * ?");
    subject.job.start = day("00:10:00");
    subject.job.end = day("00:12:00");
    auto state = resume(subject.job, day("00:00:00"), {}, {});
    CHECK(state.next == day("00:10:00"));
    CHECK(action_text(decide(subject.job, state, day("00:10:00"), false).action) == "run 00:10:00");
    CHECK(action_text(decide(subject.job, state, day("01:00:00"), false).action) ==
          "missed 3 00:10:00 00:12:00");
    state = resume(subject.job, day("00:12:00"), {}, {});
    CHECK_FALSE(deadline(subject.job, state));
}

TEST_CASE("a job that is changed accounts for what jitter still delays", "[cron]")
{
    Subject subject("0 * * * * ?");
    subject.job.delay = 30s;
    auto const state = resume(subject.job, day("00:01:00"), {}, {});
    CHECK(action_text(close(subject.job, state, day("00:01:59")).action) == "wait");
    auto const closed = close(subject.job, state, day("00:02:10"));
    CHECK(action_text(closed.action) == "missed 1 00:02:00 00:02:00");
    CHECK(action_text(close(subject.job, closed.state, day("00:02:20")).action) == "wait");
}

TEST_CASE("after the clock was set back a job fires again at once", "[cron]")
{
    Subject subject("0 * * * * ?");
    // An hour ahead for a while: all of it was recorded.
    auto state = resume(subject.job, day("01:00:00"), {}, day("00:59:00"));
    state = set_back(subject.job, state, day("00:01:30"));
    CHECK(state.next == day("00:02:00"));
    CHECK(action_text(decide(subject.job, state, day("00:02:00"), false).action) == "run 00:02:00");
    auto const same = set_back(subject.job, state, day("00:05:00"));
    CHECK(same.accounted == state.accounted);
}

TEST_CASE("a watch of the clock tells how it was set, and nothing of time that passes", "[cron]")
{
    ClockWatch watch;
    Clock::Steady steady{};
    auto now = day("00:00:00");
    CHECK(watch.look(now, steady) == 0ms);
    CHECK(watch.look(now += 1h, steady += 1h) == 0ms);
    CHECK(watch.look(now += 1h + 5s, steady += 5s) == 1h);
    CHECK(watch.look(now -= 1h, steady += 1s) == -1h - 1s);
    CHECK(watch.look(now += 900ms, steady) == 0ms);
}

TEST_CASE("the same local time of a clock change is handled once", "[cron]")
{
    Subject subject("0 30 2 * * ?", "Europe/Berlin");
    auto state = resume(subject.job, at("2026-10-24T22:00:00Z"), {}, {});
    CHECK(iso_text(*state.next) == "2026-10-25T01:30:00Z"); // the second pass
    auto const decision = decide(subject.job, state, at("2026-10-25T01:30:00Z"), false);
    CHECK(std::holds_alternative<Run>(decision.action));
    CHECK(iso_text(*decision.state.next) == "2026-10-26T01:30:00Z");
    state = resume(subject.job, at("2026-03-28T12:00:00Z"), {}, {});
    CHECK(iso_text(*state.next) == "2026-03-30T00:30:00Z"); // left out on the 29th
}

TEST_CASE("whatever the clock and crashes do, no time is run twice and none is forgotten", "[cron]")
{
    auto const misfire = GENERATE(Misfire::skip, Misfire::once);
    auto const delay = GENERATE(0s, 3s, 40s);
    Subject subject("0/5 * * * * ?");
    subject.job.misfire = misfire;
    subject.job.delay = delay;
    std::mt19937 random(5); // NOLINT(cert-msc51-cpp): the same each time on purpose
    auto const begin = day("00:00:00");
    auto now = begin;
    auto disk = resume(subject.job, begin, {}, {});
    auto state = disk;
    std::map<Instant, int> runs;
    std::size_t accounted = 0;
    for (int i = 0; i < 20'000; ++i) {
        now += std::chrono::milliseconds(random() % 2'000);
        if (random() % 500 == 0) now += std::chrono::seconds(random() % 300);
        if (random() % 300 == 0) { // A crash, before or after the last decision was on disk.
            now += std::chrono::seconds(random() % 30);
            state = resume(subject.job, disk.accounted, disk.owed, now);
        }
        auto const decision = decide(subject.job, state, now, false);
        if (std::holds_alternative<Wait>(decision.action)) {
            auto const paid = make_up(subject.job, state, false);
            if (auto const* run = std::get_if<Run>(&paid.action)) ++runs[run->fire_time];
            state = disk = paid.state;
            continue;
        }
        if (random() % 50 == 0) continue; // The disk refused: decided again.
        if (auto const* run = std::get_if<Run>(&decision.action)) {
            ++accounted;
            ++runs[run->fire_time];
            CHECK(now - run->fire_time - delay <= grace);
        } else if (auto const* missed = std::get_if<Missed>(&decision.action)) {
            accounted += missed->times.count;
        }
        state = disk = decision.state;
    }
    CHECK(accounted == count_times(subject.rule, Zone(), begin, state.accounted));
    CHECK(std::all_of(runs.begin(), runs.end(), [](auto const& run) { return run.second == 1; }));
    CHECK(state.accounted + delay + 6s > now - grace);
}

TEST_CASE("the queue hands out jobs by their deadlines", "[cron]")
{
    DueQueue queue;
    TaskId const a(1), b(2), c(3);
    queue.set(a, day("00:03:00"));
    queue.set(b, day("00:01:00"));
    queue.set(c, day("00:02:00"));
    queue.set(c, std::nullopt);
    CHECK(queue.next() == day("00:01:00"));
    CHECK(queue.take(day("00:02:30"), 5) == std::vector{b});
    queue.set(a, day("00:04:00"));
    CHECK(queue.take(day("00:03:30"), 5).empty());
    CHECK(queue.take(day("00:04:00"), 5) == std::vector{a});
    CHECK_FALSE(queue.next());
}

TEST_CASE("jitter delays each job by its own time, always the same", "[cron]")
{
    std::map<std::int64_t, int> seen;
    for (std::uint64_t id = 1; id <= 1'000; ++id) {
        auto const delay = delay_of(TaskId(id), 9s);
        CHECK((delay >= 0s && delay <= 9s));
        CHECK(delay == delay_of(TaskId(id), 9s));
        ++seen[delay.count()];
    }
    CHECK(seen.size() == 10);
    CHECK(delay_of(TaskId(7), 0s) == 0s);
}

TEST_CASE("each text of a skipped firing has its reason, whatever its cause says", "[cron_life]")
{
    Instant const now(1'767'225'600s);
    MissedTimes const times{3, now, now + 2h};
    CHECK(skip_reason(missed_text({times, true, true}, Zone(), "server")) == "missed");
    CHECK(skip_reason(missed_text({times, false, false}, Zone(), "agent")) == "missed");
    CHECK(skip_reason(closed_text(times, Zone(), "the job was paused")) == "changed");
    CHECK(skip_reason(unpaid_text(now, Zone(), "the job was deleted")) == "changed");
    CHECK(skip_reason("skipped: the job was changed before this time was started") == "changed");
    CHECK(skip_reason("skipped: the run of 2026-01-01 00:00:00 (task 1) is still going on") == "overlap");
    CHECK(skip_reason("skipped: its last run is still starting") == "overlap");
    CHECK(skip_reason("skipped: the agent refuses the job: it passed while the moon") == "refused");
    CHECK(skip_reason(missed_text({times, true, false}, Zone(), "server") +
                      "; the agent refuses the job: no such zone") == "refused");
    CHECK(skip_reason("skipped: [423.1] window freeze: closed") == "gate");
    CHECK(skip_reason("skipped: [429.1] too much") == "limit");
    CHECK(skip_reason("skipped: the agent has too many tasks waiting ([agent] max_queued)") == "limit");
    CHECK(skip_reason("skipped: the agent had started this time itself (task 1)") == "double");
    CHECK(skip_reason("skipped: [401.6] it passed while the app is gone") == "other");
    CHECK(skip_reason("") == "other");
}
