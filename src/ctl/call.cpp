#include "ctl/command.hpp"
#include "ctl/printable.hpp"
#include "ctl/typed_text.hpp"
#include "ctl/views.hpp"

namespace elves::ctl {

namespace {

/// Bytes that a call's fields may have; more fits into no frame.
constexpr std::size_t max_fields_bytes = std::size_t{64} * 1024 * 1024;

json::object object_of(std::string const& text)
{
    boost::system::error_code failure;
    auto const value = json::parse(text, failure);
    if (failure) throw Usage("JSON can't be read: " + failure.message());
    if (!value.is_object()) throw Usage("JSON is no object; give one, such as {\"agentip\":\"10.0.0.1\"}");
    return value.get_object();
}

Exit call(Context const& with)
{
    auto const& args = with.args;
    auto const print = [&](json::object const& reply) { with.out.raw(json_line(reply) + '\n'); };
    try {
        auto const fields = typed_text("JSON", args.text("JSON", "{}"), max_fields_bytes);
        auto const reply = with.session.call(args.text("SERVICE"), args.text("METHOD"), object_of(fields));
        with.out.document(reply);
        print(reply);
    } catch (Refused const& refused) {
        print(refused.reply());
        throw;
    }
    return Exit::well;
}

Exit ping(Context const& with)
{
    auto const start = std::chrono::steady_clock::now();
    auto const reply = with.session.call("elves", "ping");
    std::chrono::duration<double, std::milli> const took = std::chrono::steady_clock::now() - start;
    with.out.document(reply);
    with.out.line("the server answered in " + std::to_string(std::llround(took.count())) + " ms");
    return Exit::well;
}

std::string fields_text(json::object const& method)
{
    std::string text;
    auto const* const fields = method.if_contains("fields");
    if (!fields || !fields->is_array()) return text;
    for (auto const& field : fields->get_array()) {
        if (!field.is_object()) continue;
        bool const is_required = plain_field(field.get_object(), "required") == "true";
        auto const name = plain_field(field.get_object(), "name");
        text += (text.empty() ? "" : " ") + (is_required ? name : "[" + name + "]");
    }
    return text;
}

Exit methods(Context const& with)
{
    auto const reply = with.session.call("elves", "methods");
    with.out.document(reply);
    Table table({"method", "right", "fields", "help"}, 400);
    for (auto const& service : rows_of(reply)) {
        if (!service.is_object()) continue;
        auto const name = plain_field(service.get_object(), "service");
        for (auto const& method : rows_of(service.get_object())) {
            if (!method.is_object()) continue;
            auto const& row = method.get_object();
            table.add({name + "." + plain_field(row, "method"), plain_field(row, "right"), fields_text(row),
                plain_field(row, "help")});
        }
    }
    with.out.table(std::move(table));
    return Exit::well;
}

Exit stat(Context const& with)
{
    auto reply = with.session.call("heartbeat", "getonlinestat");
    auto const server = with.session.call("elves", "stats");
    if (auto const* const stats = server.if_contains("stats")) reply["stats"] = *stats;
    with.out.document(reply);
    with.out.pairs(stat_lines(reply));
    return Exit::well;
}

} // namespace

std::span<Command const> call_commands()
{
    static std::vector<Command> const all{
        {"call", "Call any method, and print the reply's JSON in one line.",
            {needs("SERVICE", "Such as heartbeat."), needs("METHOD", "Such as getinfobyip."),
                may("JSON", "The call's fields, an object; - is standard input, @FILE a file's content.")
                    .of(Completes::param)},
            call},
        {"ping", "Check that the server answers.", {}, ping},
        {"methods", "List the server's methods, with the right and the fields that each takes.", {}, methods},
        {"stat", "Show how many agents are online, and the state of the server.", {}, stat},
    };
    return all;
}

} // namespace elves::ctl
