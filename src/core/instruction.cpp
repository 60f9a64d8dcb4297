#include "elves/instruction.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "elves/deployment.hpp"
#include "elves/error.hpp"
#include "elves/json_fields.hpp"

namespace elves {
namespace {

constexpr std::size_t max_param = 1024 * 1024;
constexpr std::int64_t max_timeout = 86'400;
constexpr std::int64_t max_ttl = 31'536'000;
constexpr std::size_t max_dedup = 64;
constexpr std::size_t max_proxy = 256;
constexpr std::size_t max_word = 64;

[[noreturn]] void refuse(Code code, std::string_view field, std::string const& what)
{
    throw Error(code, "`ins." + std::string(field) + "` " + what);
}

// Null where it is not given, as "" says too.
JsonValue const* given(JsonValue const& ins, std::string_view field)
{
    auto const* value = ins.find(field);
    bool const is_empty = value != nullptr && value->is_string() && value->string().empty();
    return is_empty ? nullptr : value;
}

std::string_view text_of(JsonValue const& value, Code code, std::string_view field)
{
    if (!value.is_string()) refuse(code, field, "is " + shown(value) + "; give a string");
    return value.string();
}

bool is_word(std::string_view text, std::string_view also)
{
    return !text.empty() && text.size() <= max_word && std::all_of(text.begin(), text.end(), [also](char c) {
        bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        return plain || also.find(c) != std::string_view::npos;
    });
}

Mode read_mode(JsonValue const& ins)
{
    struct Word {
        std::string_view text;
        Mode mode;
    };
    static constexpr std::array words{Word{"np", Mode::np}, Word{"p", Mode::p}, Word{"sap", Mode::p},
        Word{"ssp", Mode::p}, Word{"sanp", Mode::np}, Word{"ssnp", Mode::np}};
    auto const* value = given(ins, "mode");
    if (value == nullptr) return Mode::np;
    std::string text(text_of(*value, codes::bad_mode, "mode"));
    std::transform(text.begin(), text.end(), text.begin(),
        [](unsigned char c) { return c < 0x80 ? static_cast<char>(std::tolower(c)) : '?'; });
    auto const* const word =
        std::find_if(words.begin(), words.end(), [&text](Word const& each) { return each.text == text; });
    if (word == words.end()) refuse(codes::bad_mode, "mode", "is " + shown(*value) + "; give NP or P");
    return word->mode;
}

std::string read_name(JsonValue const& ins, std::string_view field, Code code)
{
    auto const* value = given(ins, field);
    if (value == nullptr) refuse(code, field, "is missing");
    auto const text = text_of(*value, code, field);
    if (!is_name(text))
        refuse(code, field,
            "is " + shown(*value) +
                "; give 1 to 64 of A-Z, a-z, 0-9, `_`, `.`, `-`, not beginning with `.` or `-`");
    return std::string(text);
}

std::string read_param(JsonValue const& ins)
{
    auto const* value = ins.find("param");
    if (value == nullptr) return {};
    auto param = value->is_string() ? std::string(value->string()) : json_text(*value);
    if (param.size() > max_param)
        refuse(codes::bad_param, "param",
            "has " + std::to_string(param.size()) + " bytes; give at most " + std::to_string(max_param));
    return param;
}

std::chrono::seconds read_seconds(
    JsonValue const& ins, std::string_view field, Code code, std::int64_t most, char const* right)
{
    auto const* value = given(ins, field);
    if (value == nullptr) return {};
    auto const number = whole_number(*value);
    if (!number || *number < 0 || *number > most) refuse(code, field, "is " + shown(*value) + "; " + right);
    return std::chrono::seconds(*number);
}

std::string read_dedup(JsonValue const& ins)
{
    auto const* value = given(ins, "dedup");
    if (value == nullptr) return {};
    auto const text = text_of(*value, codes::bad_field, "dedup");
    auto const characters = std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
    if (characters > static_cast<std::ptrdiff_t>(max_dedup))
        refuse(
            codes::bad_field, "dedup", "has " + std::to_string(characters) + " characters; give at most 64");
    return std::string(text);
}

// What is wrong with a proxy's file, and what would be right; "" for nothing. The path is resolved on the
// agent's machine: it may not lead out of the app's folder, nor look like an option of the interpreter.
std::string_view fault_in_file(std::string_view file)
{
    if (file.empty()) return "names no file; give `file` or `interpreter|file`";
    if (file.find('|') != std::string_view::npos) return "has more than one `|`; give `interpreter|file`";
    if (file.find('\0') != std::string_view::npos) return "has a NUL in it";
    if (file.front() == '/') return "is absolute; give a path inside the app's folder";
    if (file.front() == '-') return "has a file that begins with `-`; give a path such as ./-name";
    while (true) {
        auto const slash = file.find('/');
        auto const component = file.substr(0, slash);
        if (component == "..") return "goes up with `..`; give a path inside the app's folder";
        if (component.empty()) return "has an empty part in its path; give one such as bin/run.py";
        if (slash == std::string_view::npos) return "";
        file.remove_prefix(slash + 1);
    }
}

std::string read_proxy(JsonValue const& ins)
{
    auto const* value = given(ins, "proxy");
    if (value == nullptr) return {};
    auto const text = text_of(*value, codes::bad_field, "proxy");
    if (text.size() > max_proxy)
        refuse(codes::bad_field, "proxy", "has " + std::to_string(text.size()) + " bytes; give at most 256");
    auto const bar = text.find('|');
    if (bar != std::string_view::npos) {
        auto const interpreter = text.substr(0, bar);
        if (interpreter.starts_with('-') || !is_word(interpreter, "_.+/-"))
            refuse(codes::bad_field, "proxy",
                "is " + shown(*value) + "; give an interpreter such as python3 before `|`");
    }
    auto const fault = fault_in_file(bar == std::string_view::npos ? text : text.substr(bar + 1));
    if (!fault.empty())
        refuse(codes::bad_field, "proxy", "is " + shown(*value) + ": it " + std::string(fault));
    return std::string(text);
}

/// As it travels.
template <class Add>
void for_each_field(Instruction const& ins, Add const& add)
{
    add("mode", mode_text(ins.mode));
    add("app", ins.app);
    add("func", ins.func);
    add("param", ins.param);
    add("timeout", std::to_string(ins.timeout.count()));
    add("proxy", ins.proxy);
    if (ins.ttl.count() != 0) add("ttl", std::to_string(ins.ttl.count()));
    if (!ins.dedup.empty()) add("dedup", ins.dedup);
}

} // namespace

Instruction Instruction::read(JsonValue const& ins)
{
    Instruction out;
    out.mode = read_mode(ins);
    out.app = read_name(ins, "app", codes::bad_app);
    out.func = read_name(ins, "func", codes::bad_func);
    out.param = read_param(ins);
    out.timeout = read_seconds(ins, "timeout", codes::bad_timeout, max_timeout,
        "give whole seconds from 1 to 86400, or 0 for the default");
    out.proxy = read_proxy(ins);
    out.ttl = read_seconds(ins, "ttl", codes::bad_field, max_ttl, "give whole seconds from 0 to 31536000");
    out.dedup = read_dedup(ins);
    if (out.app == own_app) static_cast<void>(Deployment::read(out));
    return out;
}

json::object Instruction::to_json() const
{
    constexpr std::size_t most_fields = 8;
    json::object out;
    out.reserve(most_fields);
    for_each_field(*this, [&](std::string_view name, std::string_view value) { out[name] = value; });
    return out;
}

JsonMembers Instruction::to_members() const
{
    JsonMembers out;
    for_each_field(*this, [&](std::string_view name, std::string_view value) { out.add(name, value); });
    return out;
}

std::size_t bytes_of(Instruction const& ins) noexcept
{
    return ins.app.size() + ins.func.size() + ins.param.size() + ins.proxy.size() + ins.dedup.size();
}

std::string_view mode_text(Mode mode) noexcept { return mode == Mode::p ? "P" : "NP"; }

bool is_name(std::string_view text) noexcept
{
    return !text.starts_with('.') && !text.starts_with('-') && is_word(text, "_.-");
}

} // namespace elves
