#include "run_fields.hpp"

#include <charconv>
#include <optional>

namespace elves {

namespace {

constexpr std::int64_t most_hosts = 200'000;

[[noreturn]] void refuse(Code code, std::string_view field, JsonValue const& value, std::string_view right)
{
    throw Error(code, field_is(field, value) + "; give " + std::string(right));
}

/// A whole number, or a text of one.
std::string text_of(JsonValue const& value)
{
    if (value.is_string()) return std::string(value.string());
    auto const number = whole_number(value);
    return number ? std::to_string(*number) : std::string();
}

/// `5` or `5%`; nothing for anything else.
std::optional<RunAmount> amount_of(std::string_view text)
{
    RunAmount amount{std::string(text)};
    amount.is_percent = text.ends_with('%');
    auto const digits = amount.is_percent ? text.substr(0, text.size() - 1) : text;
    bool const is_plain = !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
    auto const [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), amount.number);
    if (!is_plain || fault != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    if (amount.number > (amount.is_percent ? 100 : most_hosts)) return std::nullopt;
    return amount;
}

std::string_view trimmed_blanks(std::string_view text)
{
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

} // namespace

RunTarget FieldType<RunTarget>::read(std::string_view field, JsonValue const& value)
{
    if (!value.is_string()) refuse(missing, field, value, "a target expression");
    return {std::string(value.string())};
}
void FieldType<RunTarget>::judge(Caller const&, RunTarget const&) {}

RunIns FieldType<RunIns>::read(std::string_view field, JsonValue const& value)
{
    if (!value.is_object()) refuse(missing, field, value, "an object with app and func");
    for (auto const* const name : {"ttl", "dedup"}) {
        if (value.find(name))
            throw Error(missing, "`ins." + std::string(name) + "` is no field of a run's ins; give `" + name +
                                     "` beside `ins`");
    }
    require_known_fields(value, {"mode", "app", "func", "param", "timeout", "proxy"}, "ins.");
    auto ins = Instruction::read(value);
    constexpr std::size_t most_param = 64 * 1024;
    if (ins.param.size() > most_param)
        throw Error(codes::bad_param,
            "`ins.param` has " + std::to_string(ins.param.size()) + " bytes; give a run at most 65536");
    return {std::move(ins)};
}
void FieldType<RunIns>::judge(Caller const& caller, RunIns const& value) { caller.require_run(value.ins); }

RunAmount FieldType<RunAmount>::read(std::string_view field, JsonValue const& value)
{
    auto amount = amount_of(text_of(value));
    if (!amount) refuse(missing, field, value, "a number such as 3, or a percentage such as 5%");
    return std::move(*amount);
}
void FieldType<RunAmount>::judge(Caller const&, RunAmount const&) {}

RunWaves FieldType<RunWaves>::read(std::string_view field, JsonValue const& value)
{
    constexpr std::size_t most_sizes = 100;
    RunWaves waves{text_of(value), {}};
    std::string_view rest = waves.text;
    while (true) {
        auto const comma = rest.find(',');
        auto amount = amount_of(trimmed_blanks(rest.substr(0, comma)));
        if (!amount || amount->number == 0 || waves.sizes.size() == most_sizes)
            refuse(missing, field, value, "up to 100 sizes such as 1,10%,50%, none of them 0");
        waves.sizes.push_back(std::move(*amount));
        if (comma == std::string_view::npos) return waves;
        rest.remove_prefix(comma + 1);
    }
}
void FieldType<RunWaves>::judge(Caller const&, RunWaves const&) {}

RunPause FieldType<RunPause>::read(std::string_view field, JsonValue const& value)
{
    if (value.is_string() && value.string() == "ask") return {"ask", true, {}};
    constexpr std::int64_t week = 7 * 86'400;
    auto const seconds = whole_number(value);
    if (!seconds || *seconds < 0 || *seconds > week)
        refuse(missing, field, value, "seconds, 0 to 604800, or ask");
    return {std::to_string(*seconds), false, std::chrono::seconds(*seconds)};
}
void FieldType<RunPause>::judge(Caller const&, RunPause const&) {}

RunOrder FieldType<RunOrder>::read(std::string_view field, JsonValue const& value)
{
    auto const text = value.string_or_empty();
    if (text == "address") return {};
    if (text == "random") return {"random", RunOrder::Kind::random, {}};
    constexpr std::string_view spread = "spread:";
    if (text.starts_with(spread) && text.size() > spread.size())
        return {std::string(text), RunOrder::Kind::spread, std::string(text.substr(spread.size()))};
    refuse(missing, field, value, "address, random, or spread:FIELD");
}
void FieldType<RunOrder>::judge(Caller const&, RunOrder const&) {}

RunSilent FieldType<RunSilent>::read(std::string_view field, JsonValue const& value)
{
    if (value.string_or_empty() == "name") return {false};
    if (value.string_or_empty() == "fail") return {true};
    refuse(missing, field, value, "name or fail");
}
void FieldType<RunSilent>::judge(Caller const&, RunSilent const&) {}

RunDedup FieldType<RunDedup>::read(std::string_view field, JsonValue const& value)
{
    auto const text = value.string_or_empty();
    auto const characters = std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
    if (!value.is_string() || characters > 64) refuse(missing, field, value, "up to 64 characters");
    return {std::string(text)};
}
void FieldType<RunDedup>::judge(Caller const&, RunDedup const&) {}

} // namespace elves
