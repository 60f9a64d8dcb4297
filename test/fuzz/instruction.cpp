// An instruction that was read is one that an agent may run: within its bounds, inside its folder, and the
// same when it has travelled.
#include "elves/instruction.hpp"

#include <algorithm>
#include <filesystem>

#include "core/utf8.hpp"
#include "elves/error.hpp"
#include "fuzz_target.hpp"
#include "rpc/frame_json.hpp"

using namespace elves;

namespace {

std::optional<Instruction> read(JsonValue const& ins)
{
    try {
        return Instruction::read(ins);
    } catch (Error const& error) {
        std::string_view const why = error.what();
        PROMISE(error.code().text.starts_with("403."));
        PROMISE(why.starts_with("`ins.") && why.size() < 300 && is_utf8(why));
        PROMISE(std::none_of(why.begin(), why.end(), [](char c) { return c >= 0 && c < ' '; }));
        return std::nullopt;
    }
}

bool same(Instruction const& a, Instruction const& b)
{
    return a.mode == b.mode && a.app == b.app && a.func == b.func && a.param == b.param &&
           a.timeout == b.timeout && a.proxy == b.proxy && a.ttl == b.ttl && a.dedup == b.dedup;
}

/// A file's name may become part of a path and an argument.
void stays_inside(std::filesystem::path const& file)
{
    PROMISE(file.is_relative() && !file.empty());
    auto const folder = std::filesystem::path("/apps/app");
    auto const place = (folder / file).lexically_normal();
    PROMISE(*place.lexically_relative(folder).begin() != "..");
    PROMISE(!file.native().starts_with('-') && file.native().find('\0') == std::string::npos);
}

void a_name(std::string_view name)
{
    PROMISE(is_name(name) && name.size() <= 64);
    stays_inside("x" + std::string(name));
    PROMISE(name != "." && name != "..");
}

} // namespace

FUZZ_TARGET(instruction)
{
    JsonReader reader;
    auto const frame = read_frame(reader, input);
    auto const* const object = std::get_if<JsonValue const*>(&frame);
    if (!object) return;
    auto const ins = read(**object);
    if (!ins) return;
    a_name(ins->app);
    a_name(ins->func);
    PROMISE(ins->param.size() <= 1024 * 1024 && is_utf8(ins->param));
    PROMISE(ins->timeout.count() >= 0 && ins->timeout.count() <= 86'400);
    PROMISE(ins->ttl.count() >= 0);
    PROMISE(ins->dedup.size() <= 64 * 4);
    PROMISE(ins->proxy.size() <= 256);
    auto const bar = ins->proxy.find('|');
    PROMISE(bar != 0);
    if (!ins->proxy.empty()) stays_inside(ins->proxy.substr(bar == std::string::npos ? 0 : bar + 1));

    auto const text = json::serialize(ins->to_json());
    auto const travelled = read_frame(reader, text);
    PROMISE(std::holds_alternative<JsonValue const*>(travelled));
    auto const arrived = read(*std::get<JsonValue const*>(travelled));
    PROMISE(arrived && same(*arrived, *ins));
}
