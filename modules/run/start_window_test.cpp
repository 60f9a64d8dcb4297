#include "run/start_window.hpp"

#include "catch.hpp"
#include "elves/error.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

Instant at(std::string_view text) { return Zone().parse(text).value(); }

StartWindow by_rule(std::string_view rule, std::chrono::seconds lasts)
{
    StartWindow window;
    window.name = "w";
    window.rule = QuartzRule::parse(rule);
    window.lasts = lasts;
    return window;
}

StartWindow once(std::string from, std::string to)
{
    StartWindow window;
    window.name = "w";
    window.from = std::move(from);
    window.to = std::move(to);
    return window;
}

/// "closed until …" or "open until …", and "" where the stretch does not have the moment itself.
std::string state(StartWindow const& window, std::string_view moment)
{
    auto const now = at(moment);
    auto const stretch = window.stretch(Zone(), now);
    if (!stretch.has(now)) return "";
    return (stretch.is_closed ? "closed until " : "open until ") + Zone().text(stretch.to);
}

std::string refusal(StartWindow const& window)
{
    try {
        window.require_sound(Zone(), at("2026-01-05 12:00:00"));
    } catch (Error const& error) {
        return error.info();
    }
    return "";
}

} // namespace

TEST_CASE("a window by a rule is closed from each of its times for as long as it lasts", "[gate]")
{
    auto const window = by_rule("0 0 8 * * ?", 2h);
    CHECK(state(window, "2026-01-05 07:59:59") == "open until 2026-01-05 08:00:00");
    CHECK(state(window, "2026-01-05 08:00:00") == "closed until 2026-01-05 10:00:00");
    CHECK(state(window, "2026-01-05 09:59:59") == "closed until 2026-01-05 10:00:00");
    CHECK(state(window, "2026-01-05 10:00:00") == "open until 2026-01-06 08:00:00");
}

TEST_CASE("times of a rule that come before it opens keep a window closed", "[gate]")
{
    CHECK(
        state(by_rule("0 0 8,9 * * ?", 90min), "2026-01-05 08:10:00") == "closed until 2026-01-05 10:30:00");
    // Without a gap between them, too.
    CHECK(state(by_rule("0 0 8,9 * * ?", 1h), "2026-01-05 08:10:00") == "closed until 2026-01-05 10:00:00");
}

TEST_CASE("a window that is closed once is open before and after", "[gate]")
{
    auto const window = once("2026-01-05 08:00:00", "2026-01-05 10:00:00");
    CHECK(state(window, "2026-01-05 07:00:00") == "open until 2026-01-05 08:00:00");
    CHECK(state(window, "2026-01-05 08:00:00") == "closed until 2026-01-05 10:00:00");
    CHECK(state(window, "2026-01-05 10:00:00").starts_with("open until 20"));
}

TEST_CASE("a window's times are those of its own zone", "[gate]")
{
    auto window = by_rule("0 0 8 * * ?", 1h);
    window.zone = Zone::named("Europe/Berlin");
    REQUIRE(window.zone);
    CHECK(state(window, "2026-01-05 07:30:00") == "closed until 2026-01-05 08:00:00");
}

TEST_CASE("a window that could never be closed, or says it in two ways, is refused", "[gate]")
{
    CHECK(refusal(StartWindow()).starts_with("[403.10] say in one way"));
    auto both = once("2026-01-06 08:00:00", "2026-01-06 09:00:00");
    both.rule = QuartzRule::parse("0 0 8 * * ?");
    CHECK(refusal(both).starts_with("[403.10] say in one way"));
    CHECK(refusal(by_rule("0 0 8 * * ?", 0s)).starts_with("[403.10] `lasts` is 0"));
    CHECK(refusal(once("2026-01-06 09:00:00", "2026-01-06 08:00:00")).starts_with("[403.10] `to` is"));
    CHECK(
        refusal(once("2026-01-04 08:00:00", "2026-01-04 09:00:00")).find("in the past") != std::string::npos);
    CHECK(refusal(once("tomorrow", "2026-01-06 09:00:00")).starts_with("[403.10] `from` is \"tomorrow\""));
    CHECK(refusal(once("", "2026-01-06 09:00:00")).starts_with("[403.10] `from` is missing"));
    CHECK(refusal(once("2026-01-04 08:00:00", "2026-01-06 09:00:00")).empty());
}
