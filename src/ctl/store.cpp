#include <filesystem>

#include "ctl/command.hpp"
#include "ctl/printable.hpp"
#include "doctor/doctor.hpp"
#include "store/backup.hpp"

namespace elves::ctl {

namespace {

/// Where the server keeps its data; asks it where that was not typed.
std::string store_path(Context const& with)
{
    if (with.args.has("--store")) return with.args.text("--store");
    auto const reply = with.session.call("elves", "stats");
    auto const path = plain_field(reply, "stats.store_path");
    if (path.empty() || !std::filesystem::exists(path)) {
        throw Usage(
            "the server's data file is not on this machine; run this there, or name it: --store FILE");
    }
    return path;
}

json::object diagnosis_of(Context const& with)
{
    if (!with.args.has("--store")) return with.session.call("elves", "doctor");
    doctor::Circumstances when;
    when.now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    when.zone = Zone::of_machine();
    auto const diagnosis = doctor::examine_file(with.args.text("--store"), when);
    return document_of(true, "", to_json(diagnosis));
}

void tell_finding(Output const& out, json::object const& finding)
{
    out.line("WRONG " + plain_field(finding, "check") + ": " + plain_field(finding, "what"));
    out.line("      " + plain_field(finding, "advice"));
}

/// Throws std::runtime_error where the server's reply has no such list.
json::array const& list_in(json::object const& reply, std::string_view field)
{
    auto const* const list = reply.if_contains(field);
    if (!list || !list->is_array())
        throw std::runtime_error("the server's reply is invalid: `" + std::string(field) + "` is not a list");
    return list->get_array();
}

Exit doctor(Context const& with)
{
    auto const reply = diagnosis_of(with);
    with.out.document(reply);
    auto const& findings = list_in(reply, "findings");
    for (auto const& finding : findings) {
        if (auto const* const fields = finding.if_object()) tell_finding(with.out, *fields);
    }
    for (auto const& report : list_in(reply, "reports")) with.out.line(plain(report));
    auto const checked = plain_field(reply, "checked");
    with.out.line(findings.empty() ? "all is well: " + checked + " checks"
                                   : std::to_string(findings.size()) + " findings in " + checked + " checks");
    return findings.empty() ? Exit::well : Exit::task_failed;
}

Exit backup(Context const& with)
{
    auto const file = with.args.text("FILE");
    auto const from = store_path(with);
    auto const size = std::to_string(back_up(from, file));
    bool const is_noted = note_backup(from);
    with.out.document(
        document_of(true, "", {{"file", file}, {"size", size}, {"noted", is_noted ? "true" : "false"}}));
    with.out.line("written and checked: " + file + ", " + size + " bytes");
    if (!is_noted)
        with.out.line("the server does not learn of it: " + from +
                      ".last-backup cannot be written; run this as the user that owns its folder");
    return Exit::well;
}

Exit restore(Context const& with)
{
    auto const kept = elves::restore(with.args.text("FILE"), with.args.text("--store"));
    with.out.document(document_of(true, "", {{"kept", kept}}));
    with.out.line("restored" + (kept.empty() ? "" : "; what was there is now " + kept));
    return Exit::well;
}

} // namespace

std::span<Command const> store_commands()
{
    static std::vector<Command> const all{
        {"doctor", "Check the data file's invariants; end with 1 where one does not hold.",
            {may("--store", "Look at this data file in place of asking the server, whether one runs or not.")
                    .of(Completes::file)},
            doctor},
        {"backup", "Copy the server's data to a new file while it works.",
            {needs("FILE", "The copy; on the server's machine.").of(Completes::file),
                may("--store", "The data file (the running server's).").of(Completes::file)},
            backup},
        {"restore", "Replace the data file of a stopped server by a backup.",
            {needs("FILE", "A backup.").of(Completes::file),
                Arg{"--store", "The data file to replace; it is kept under another name.", Arg::Takes::text,
                    true}
                    .of(Completes::file)},
            restore},
    };
    return all;
}

} // namespace elves::ctl
