#include "run_spec.hpp"

#include <algorithm>

#include "run_fields.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

std::string number(std::int64_t value) { return std::to_string(value); }

json::object ins_json(Instruction const& ins)
{
    auto fields = ins.to_json();
    fields.erase("ttl");
    fields.erase("dedup");
    if (ins.timeout == 0s) fields.erase("timeout");
    return fields;
}

} // namespace

std::size_t RunAmount::of(std::size_t hosts) const noexcept
{
    auto const amount = static_cast<std::size_t>(number);
    return is_percent ? hosts * amount / 100 : amount;
}

std::size_t RunAmount::at_least_one_of(std::size_t hosts) const noexcept
{
    auto const amount = static_cast<std::size_t>(number);
    return std::max<std::size_t>(1, is_percent ? (hosts * amount + 99) / 100 : amount);
}

std::vector<Field<RunSpec>> RunSpec::fields()
{
    return {required("target", &RunSpec::target), required("ins", &RunSpec::ins),
        optional("waves", &RunSpec::waves), optional("parallel", &RunSpec::parallel),
        optional("max_fail", &RunSpec::max_fail), optional("strict", &RunSpec::strict),
        optional("pause", &RunSpec::pause), optional("order", &RunSpec::order),
        optional("ttl", &RunSpec::ttl), optional("silent", &RunSpec::silent), optional("at", &RunSpec::at),
        optional("late", &RunSpec::late), optional("deadline", &RunSpec::deadline),
        optional("digest", &RunSpec::digest), optional("dedup", &RunSpec::dedup),
        optional("note", &RunSpec::note)};
}

void RunSpec::require_sound() const
{
    if (parallel < 1 || parallel > 10'000)
        throw Error(codes::bad_field, "`parallel` is " + number(parallel) + "; give 1 to 10000");
    constexpr auto longest_ttl = 31'536'000s;
    if (ttl > longest_ttl)
        throw Error(codes::bad_field, "`ttl` is " + number(ttl.count()) + "; give at most 31536000 seconds");
    if (deadline && *deadline == 0s)
        throw Error(codes::bad_field, "`deadline` is 0; give seconds, or leave it out");
}

json::object RunSpec::to_json() const
{
    RunSpec const plain;
    json::object fields{{"target", target.text}, {"ins", ins_json(ins.ins)}, {"waves", waves.text},
        {"parallel", number(parallel)}, {"max_fail", max_fail.text}};
    if (strict) fields["strict"] = "true";
    if (!pause.text.empty()) fields["pause"] = pause.text;
    if (order.kind != RunOrder::Kind::address) fields["order"] = order.text;
    if (ttl != plain.ttl) fields["ttl"] = number(ttl.count());
    if (silent.fails) fields["silent"] = "fail";
    if (!at.empty()) fields["at"] = at;
    if (late != plain.late) fields["late"] = number(late.count());
    if (deadline) fields["deadline"] = number(deadline->count());
    if (!digest.empty()) fields["digest"] = digest;
    if (!dedup.text.empty()) fields["dedup"] = dedup.text;
    if (!note.text.empty()) fields["note"] = note.text;
    return fields;
}

RunSpec RunSpec::read(JsonValue const& spec)
{
    static auto const all = fields();
    return read_fields(all, spec, Caller(), false);
}

RunLimits RunSpec::limits(std::size_t hosts) const
{
    RunLimits limits;
    limits.parallel = static_cast<std::size_t>(parallel);
    limits.max_fail = max_fail.of(hosts);
    limits.is_strict = strict;
    limits.asks = pause.asks;
    limits.pause = pause.seconds;
    limits.late = late;
    limits.deadline = deadline;
    return limits;
}

std::vector<std::size_t> RunSpec::wave_sizes(std::size_t hosts) const
{
    std::vector<std::size_t> sizes;
    for (auto left = hosts; left > 0; left -= sizes.back()) {
        auto const& size = waves.sizes[std::min(sizes.size(), waves.sizes.size() - 1)];
        sizes.push_back(std::min(size.at_least_one_of(hosts), left));
    }
    return sizes;
}

} // namespace elves
