// A rule is read, or refused with a reason. What was read answers in order and within its bounds, leaves no
// time out, and means the same however it is spelled.
#include "elves/quartz_rule.hpp"
#include "elves/trimmed.hpp"

#include <algorithm>
#include <charconv>

#include "elves/error.hpp"
#include "elves/quartz_count.hpp"
#include "fuzz_target.hpp"

using namespace elves;
using namespace std::chrono;

namespace {

/// The text before `end`, which goes with it.
std::string_view take_until(std::string_view& text, char end)
{
    auto const part = text.substr(0, text.find(end));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    return part;
}

std::optional<QuartzRule> read(std::string_view text)
{
    try {
        return QuartzRule::parse(text);
    } catch (Error const& error) {
        std::string_view const why = error.what();
        PROMISE(error.code() == codes::bad_rule);
        PROMISE(why.starts_with("`rule`") && why.size() < 300);
        PROMISE(std::all_of(why.begin(), why.end(), [](char c) { return c >= ' ' && c <= '~'; }));
        return std::nullopt;
    }
}

long number(std::string_view digits, long otherwise)
{
    long value = otherwise;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

/// Is `value` in a list of `*`, `n`, `n-m`, with steps, of numbers from 0 to `most`? Read the plain way.
bool lists(std::string_view list, long value, long most)
{
    while (!list.empty()) {
        auto item = take_until(list, ',');
        bool const stepped = item.find('/') != std::string_view::npos;
        auto const span = take_until(item, '/');
        auto const dash = span.find('-');
        auto const from = number(span, 0);
        auto to = span == "*" || span.empty() || stepped ? most : from;
        if (dash != std::string_view::npos) to = number(span.substr(dash + 1), most);
        if (to < from) to += most + 1;
        for (auto at = from; at <= to; at += number(item, 1)) {
            if (at % (most + 1) == value) return true;
        }
    }
    return false;
}

/// Does the rule mean this time of day?
bool means(std::string_view rule, local_seconds wall)
{
    static constexpr std::string_view blanks = " \t\r\n\v\f";
    hh_mm_ss const time(wall - floor<days>(wall));
    auto const field = [&rule] {
        rule.remove_prefix(rule.find_first_not_of(blanks));
        auto const text = rule.substr(0, rule.find_first_of(blanks));
        rule.remove_prefix(text.size());
        return text;
    };
    bool const second = lists(field(), time.seconds().count(), 59);
    bool const minute = lists(field(), time.minutes().count(), 59);
    return lists(field(), time.hours().count(), 23) && minute && second;
}

/// Whoever asks at `t` is told the first time after it.
std::optional<Instant> ask(QuartzRule const& rule, Instant t, Zone const& zone)
{
    constexpr Instant first(sys_days(year(1969) / 12 / 30));
    constexpr Instant last(sys_days(year(2200) / 1 / 2));
    auto const next = rule.next_after(t, zone);
    if (!next) return next;
    PROMISE(*next > t && *next > first && *next < last);
    PROMISE(*next - std::max(t, first) <= years(101));
    PROMISE(next->time_since_epoch() % seconds(1) == milliseconds(0));
    PROMISE(means(rule.text(), zone.wall(floor<seconds>(*next))));
    if (*next - seconds(1) >= t) PROMISE(rule.next_after(*next - seconds(1), zone) == next);
    return next;
}

/// In a zone without changes: no second was left out between `t` and `next`, on a day that the rule means.
void nothing_between(QuartzRule const& rule, Instant t, Instant next)
{
    auto const today = floor<days>(t);
    auto const first_today = rule.next_after(today - seconds(1), Zone());
    if (!first_today || floor<days>(*first_today) != today) return;
    auto const from = floor<seconds>(t) + seconds(1);
    auto const end = std::min<Instant>({next, from + seconds(200), today + days(1)});
    for (auto at = from; at < end; at += seconds(1))
        PROMISE(!means(rule.text(), local_seconds(at.time_since_epoch())));
}

void same_in_lower_case(QuartzRule const& rule, Instant t, std::optional<Instant> next, Zone const& zone)
{
    auto text = rule.text();
    for (auto& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    PROMISE(QuartzRule::parse(text).next_after(t, zone) == next);
}

/// Counting agrees with going from time to time.
void counted(QuartzRule const& rule, Instant t, Instant next, Zone const& zone)
{
    constexpr std::size_t most = 50;
    std::size_t number = 0;
    auto last = next;
    for (std::optional<Instant> at = next; at && *at <= next + hours(1) && number < most;
         at = rule.next_after(*at, zone)) {
        ++number;
        last = *at;
    }
    PROMISE(count_times(rule, zone, t, last) == number);
    PROMISE(last_time(rule, zone, t, last) == last);
}

} // namespace

/// A line with a zone, a line with a time (ISO), and a rule.
FUZZ_TARGET(quartz)
{
    auto const zone = Zone::named(take_until(input, '\n')).value_or(Zone());
    auto const t = parse_iso(take_until(input, '\n')).value_or(Instant());
    auto const rule = read(input);
    if (!rule) return;
    PROMISE(rule->text() == trimmed(without_byte_order_mark(input)) &&
            rule->text().size() <= QuartzRule::max_text);
    auto const next = ask(*rule, t, zone);
    same_in_lower_case(*rule, t, next, zone);
    if (!next) return;
    counted(*rule, t, *next, zone);
    // Time only goes on.
    auto const later = ask(*rule, *next, zone);
    PROMISE(!later || *later > *next);
    auto const in_utc = ask(*rule, t, Zone());
    if (in_utc) nothing_between(*rule, t, *in_utc);
}
