#include "core/quartz_fields.hpp"

#include <algorithm>
#include <string>

#include "elves/error.hpp"

namespace elves {

constexpr QuartzField QuartzField::seconds{
    "seconds", 0, 59, 59, "", true, "give 0 to 59, as in 0, 10,40, 5-20, */15"};
constexpr QuartzField QuartzField::minutes{
    "minutes", 0, 59, 59, "", true, "give 0 to 59, as in 0, 10,40, 5-20, */15"};
constexpr QuartzField QuartzField::hours{
    "hours", 0, 23, 23, "", true, "give 0 to 23, as in 6, 8,20, 22-2, */4"};
constexpr QuartzField QuartzField::day_of_month{"day-of-month", 1, 31, 31, "", true,
    "give 1 to 31, as in 1,15 or 1-5 or */2, or one of ?, L, L-3, LW, L-3W, 15W alone"};
constexpr QuartzField QuartzField::month{"month", 1, 12, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC", true,
    "give 1 to 12 or JAN to DEC, as in 1,7 or NOV-FEB or */3"};
constexpr QuartzField QuartzField::day_of_week{"day-of-week", 1, 7, 7, "SUNMONTUEWEDTHUFRISAT", true,
    "give 1 (Sunday) to 7 or SUN to SAT, as in 2-6 or MON,FRI, or one of ?, L, 6L, FRIL, 6#3, FRI#3 alone"};
constexpr QuartzField QuartzField::year{"year", QuartzRule::first_year, QuartzRule::last_year,
    QuartzRule::last_year - QuartzRule::first_year, "", false,
    "give 1970 to 2199, as in 2027 or 2026-2030 or 2026/2"};

namespace {

constexpr auto end = std::string_view::npos;

[[noreturn]] void refuse(QuartzField const& field, std::string const& what)
{
    throw Error(codes::bad_rule, "`rule` field " + std::string(field.name) + ": " + what);
}

[[noreturn]] void not_understood(QuartzField const& field, std::string_view item)
{
    constexpr std::size_t most = 32;
    std::string text(item.substr(0, most));
    // The text goes to logs and terminals.
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    if (item.size() > most) text += "...";
    refuse(field, "`" + text + "` is not understood; " + std::string(field.right));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads one item of a list from left to right.
class Item {
public:
    Item(QuartzField const& field, std::string_view text) : field_(field), text_(text), rest_(text) {}

    bool take(char c)
    {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }

    [[nodiscard]] bool at_digit() const { return !rest_.empty() && is_digit(rest_.front()); }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }

    int number()
    {
        if (!at_digit()) fail();
        int value = 0;
        // No field has a number of more than four digits: enough to see that one is too large.
        for (; at_digit(); rest_.remove_prefix(1))
            value = std::min(value * 10 + (rest_.front() - '0'), 99'999);
        return value;
    }

    int value()
    {
        auto const read = at_digit() ? number() : word();
        if (read < field_.least || read > field_.most)
            refuse(field_, std::to_string(read) + " is not within " + std::to_string(field_.least) + " to " +
                               std::to_string(field_.most));
        return read;
    }

    // What stands behind `/`.
    int step()
    {
        auto const read = number();
        if (read == 0) refuse(field_, "step 0; give 1 to " + std::to_string(field_.biggest_step));
        if (read > field_.biggest_step)
            refuse(
                field_, "step " + std::to_string(read) + " is over " + std::to_string(field_.biggest_step));
        return read;
    }

    [[noreturn]] void fail() const { not_understood(field_, text_); }

private:
    int word()
    {
        constexpr std::size_t length = 3;
        auto const letters = rest_.substr(0, length);
        for (std::size_t i = 0; letters.size() == length && i < field_.words.size(); i += length) {
            if (field_.words.substr(i, length) != letters) continue;
            rest_.remove_prefix(length);
            return static_cast<int>(i / length) + 1;
        }
        fail();
    }

    QuartzField const& field_;
    std::string_view text_, rest_;
};

void read_item(QuartzField const& field, std::string_view text, QuartzBits& bits)
{
    Item item(field, text);
    int from = field.least;
    int to = field.most;
    int step = 1;
    if (item.take('*')) {
        if (item.take('/')) step = item.step();
    } else if (item.take('/')) {
        step = item.step();
    } else {
        bool const digits = item.at_digit();
        from = item.value();
        bool const range = item.take('-');
        // Quartz takes no number for the end of a range of names, and the other way round.
        if (range && item.at_digit() != digits) item.fail();
        if (range) to = item.value();
        // A name's step would be lost on Quartz.
        bool const stepped = digits && item.take('/');
        if (stepped) step = item.step();
        if (!range && !stepped) to = from;
    }
    if (!item.at_end()) item.fail();
    auto const count = field.most - field.least + 1;
    if (to < from && !field.wraps) refuse(field, "a range of years goes up; give the earlier one first");
    if (to < from) to += count;
    for (int value = from; value <= to; value += step)
        bits.set(static_cast<std::size_t>((value - field.least) % count));
}

// A weekday and nothing else, as it stands before `L` and `#`.
std::uint8_t read_weekday(std::string_view text, std::string_view whole)
{
    Item item(QuartzField::day_of_week, text);
    if (text.empty()) not_understood(QuartzField::day_of_week, whole);
    auto const value = item.value();
    if (!item.at_end()) not_understood(QuartzField::day_of_week, whole);
    return static_cast<std::uint8_t>(value);
}

std::uint32_t mask_of(QuartzBits const& bits) { return static_cast<std::uint32_t>(bits.to_ulong() << 1U); }

} // namespace

QuartzBits read_list(QuartzField const& field, std::string_view text)
{
    if (text == "?") refuse(field, "`?` is for day-of-month and day-of-week only");
    QuartzBits bits;
    while (true) {
        auto const comma = text.find(',');
        auto const item = text.substr(0, comma);
        if (item.empty()) refuse(field, "an item of the list is empty; " + std::string(field.right));
        read_item(field, item, bits);
        if (comma == end) return bits;
        text.remove_prefix(comma + 1);
    }
}

std::optional<QuartzDays> read_day_of_month(std::string_view text)
{
    auto const& field = QuartzField::day_of_month;
    if (text == "?") return std::nullopt;
    using Kind = QuartzDays::Kind;
    bool const workday = text.size() > 1 && text.ends_with('W');
    if (text.find(',') == end && (text.starts_with('L') || workday)) {
        Item item(field, text);
        QuartzDays days;
        if (item.take('L')) {
            days.kind = workday ? Kind::last_workday : Kind::last_day;
            auto const before = item.take('-') ? item.number() : 0;
            if (before > 30) refuse(field, "L-" + std::to_string(before) + " is over L-30");
            days.number = static_cast<std::uint8_t>(before);
        } else {
            days.kind = Kind::nearest_workday;
            days.number = static_cast<std::uint8_t>(item.value());
        }
        if (workday && !item.take('W')) item.fail();
        if (!item.at_end()) item.fail();
        return days;
    }
    return QuartzDays{Kind::month_days, 0, 0, mask_of(read_list(field, text))};
}

std::optional<QuartzDays> read_day_of_week(std::string_view text)
{
    auto const& field = QuartzField::day_of_week;
    if (text == "?") return std::nullopt;
    using Kind = QuartzDays::Kind;
    if (text == "L") return QuartzDays{Kind::weekdays, 0, 0, 1U << 7U};
    if (text.find(',') == end && text.ends_with('L'))
        return QuartzDays{Kind::last_weekday, read_weekday(text.substr(0, text.size() - 1), text), 0, 0};
    auto const hash = text.find('#');
    if (hash != end && text.find(',') == end) {
        auto const nth = text.substr(hash + 1);
        if (nth.size() != 1 || nth.front() < '1' || nth.front() > '5')
            refuse(field, "`#` wants 1 to 5 behind it, as in 6#3");
        return QuartzDays{Kind::nth_weekday, read_weekday(text.substr(0, hash), text),
            static_cast<std::uint8_t>(nth.front() - '0'), 0};
    }
    return QuartzDays{Kind::weekdays, 0, 0, mask_of(read_list(field, text))};
}

} // namespace elves
