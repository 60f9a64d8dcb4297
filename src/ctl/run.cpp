#include "ctl/run.hpp"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "core/utf8.hpp"
#include "ctl/command_line.hpp"
#include "ctl/complete.hpp"
#include "ctl/options.hpp"
#include "ctl/times.hpp"

namespace elves::ctl {

namespace {

constexpr std::int64_t longest_timeout = 86'400; // s

bool wants_json(std::vector<std::string> const& arguments)
{
    // Also where the rest can't be parsed: that error too is then a document.
    auto const end = std::find(arguments.begin(), arguments.end(), "--");
    return std::find(arguments.begin(), end, "--json") != end;
}

void check_text(std::vector<std::string> const& arguments)
{
    for (auto const& argument : arguments) {
        if (!is_utf8(argument)) throw Usage("an argument is not UTF-8: " + repaired(argument));
    }
}

Display display_of(Args const& options, bool is_json)
{
    Display display{is_json, options.has("--wide"), {}};
    std::string column;
    std::istringstream given(options.text("--columns"));
    while (std::getline(given, column, ',')) {
        if (!column.empty()) display.columns.push_back(column);
    }
    if (options.has("--columns") && display.columns.empty())
        throw Usage("--columns is empty; expected names of the rows' fields, with commas");
    return display;
}

Exit run_command(CommandLine const& line, Output const& out)
{
    auto const options = line.options();
    auto const args = line.args();
    std::chrono::seconds const connect(options.number("--connect-timeout", 10, 1, longest_timeout));
    std::chrono::seconds const answer(options.number("--answer-timeout", 10, 1, longest_timeout));
    Session session(
        server_of(options), credentials_of(options), tls_of(options), {connect, answer}, shows_of(options));
    ServerZone zone(session);
    Output const shown(display_of(options, out.is_json()), [&zone] { return zone.get(); });
    return line.command().run({session, shown, args, line.tree(), zone, connection_of(options)});
}

Exit parse_and_run(std::vector<std::string> const& arguments, Output const& out)
{
    check_text(arguments);
    CommandLine line;
    line.parse(arguments);
    if (line.help().empty()) return run_command(line, out);
    out.document(document_of(true, "", {{"help", line.help()}}));
    out.raw(line.help());
    return Exit::well;
}

Exit failed(Output const& out, Exit exit, std::string_view error_info, json::object const& reply = {})
{
    out.document(document_of(false, error_info, reply));
    out.note(error_info);
    return exit;
}

Exit run_to_exit(std::vector<std::string> const& arguments, Output const& out)
{
    try {
        return parse_and_run(arguments, out);
    } catch (Usage const& error) {
        return failed(out, Exit::usage, error.what());
    } catch (Refused const& error) {
        return failed(out, Exit::refused, error.what(), error.reply());
    } catch (Error const& error) {
        return failed(out, Exit::refused, error.what());
    } catch (std::exception const& error) {
        return failed(out, Exit::refused, error.what());
    }
}

} // namespace

Exit run(std::vector<std::string> const& arguments)
{
    if (!arguments.empty() && arguments.front() == complete_command)
        return complete({arguments.begin() + 1, arguments.end()});
    Output const out(Display{wants_json(arguments), false, {}});
    auto const exit = run_to_exit(arguments, out);
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit;
    out.note("what there was to say could not be written");
    return exit == Exit::well ? Exit::refused : exit;
}

} // namespace elves::ctl
