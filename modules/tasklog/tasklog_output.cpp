// What workers print: taken from agents, and shown.
#include "elves/log.hpp"
#include "elves/text_fit.hpp"
#include "tasklog.hpp"

namespace elves {

namespace {

constexpr std::int64_t most_asked = 1024 * 1024;
/// Of stderr, where it is asked for without an offset: its end.
constexpr std::int64_t stderr_tail = 64 * 1024;

OutputStream stream_of(std::optional<std::string> const& text)
{
    if (!text) return OutputStream::output;
    if (auto const stream = parse_stream(*text)) return *stream;
    throw Error(codes::bad_field, field_is("stream", *text) + "; expected stdout or stderr");
}

void require_bounds(std::int64_t offset, std::int64_t limit)
{
    if (limit < 1 || limit > most_asked)
        throw Error(codes::bad_field, "`limit` is " + std::to_string(limit) + "; give 1 to 1048576");
    if (offset < 0)
        throw Error(codes::bad_field, "`offset` is " + std::to_string(offset) + "; give 0 or more");
}

struct FoundOutput {
    std::optional<task_records::Row> row;
    std::string output;
    std::string errors;
    std::int64_t size = 0;
    std::int64_t errors_size = 0;
    std::int64_t left_out = 0;
};

std::string read_page(Db& db, TaskId id, OutputStream stream, OutputRange range)
{
    range.offset = std::min(range.offset, range.size);
    auto const pieces = task_records::output(db, id, stream, range.offset, range.limit + page_margin);
    return output_page(pieces, range);
}

/// The agent's report has the end of stderr, too: it counts where less came live, as from an older agent.
std::string read_errors(
    Db& db, FoundOutput const& found, std::int64_t limit, std::optional<std::int64_t> offset)
{
    auto const& task = found.row->task;
    auto const size = found.errors_size;
    auto const reported = task.report ? std::string_view(task.report->stderr_text) : std::string_view();
    if (offset) return read_page(db, task.id, OutputStream::errors, {*offset, limit, size});
    if (reported.size() > static_cast<std::size_t>(size)) return std::string(reported);
    auto const from = std::max<std::int64_t>(size - stderr_tail, 0);
    return read_page(db, task.id, OutputStream::errors, {from, stderr_tail, size});
}

} // namespace

std::size_t Tasklog::max_frame() const
{
    return limits_ ? limits_->max_frame() : ServerLimits::default_max_frame;
}

asio::awaitable<Reply> Tasklog::output_of(OutputOf in, Caller caller)
{
    require_bounds(in.offset, in.limit);
    require_bounds(in.stderr_offset.value_or(0), in.limit);
    // Its result, too, has to be on disk before it is read.
    engine_.flush();
    output_.flush();
    std::function<FoundOutput(Db&)> work = [in](Db& db) {
        FoundOutput found;
        found.row = task_records::find(db, in.id);
        if (!found.row) return found;
        found.size = task_records::output_size(db, in.id, OutputStream::output);
        found.errors_size = task_records::output_size(db, in.id, OutputStream::errors);
        found.left_out = task_records::left_out(db, in.id);
        found.output = read_page(db, in.id, OutputStream::output, {in.offset, in.limit, found.size});
        found.errors = read_errors(db, found, in.limit, in.stderr_offset);
        return found;
    };
    auto const found = co_await store_.read<FoundOutput>(std::move(work));
    if (!found.row) throw Error(codes::no_task, "no task " + in.id.text());
    auto const& task = found.row->task;
    caller.require_record("task " + in.id.text(), task.agent, task.ins);
    auto const& report = task.report;
    // Whoever reads on gets what did not fit into this reply.
    auto const room = text_room(max_frame());
    auto const errors =
        in.stderr_offset ? head_that_fits(found.errors, room / 3) : tail_that_fits(found.errors, room / 3);
    auto const output = head_that_fits(found.output, room - json_bytes(errors));
    bool const is_cut = (report && report->truncated) || found.left_out > 0 ||
                        (!in.stderr_offset && errors.size() < found.errors.size());
    json::object fields{{"id", in.id.text()}, {"output", output}, {"stderr", errors},
        {"exit_code", report && report->exit_code ? std::to_string(*report->exit_code) : ""},
        {"size", std::to_string(found.size)}, {"stderr_size", std::to_string(found.errors_size)},
        {"truncated", is_cut ? "true" : "false"}};
    if (found.left_out > 0) fields["left_out"] = std::to_string(found.left_out);
    co_return Reply(std::move(fields));
}

/// Also of a task that has ended: its agent keeps what it could not send before. An agent that names the
/// stream waits for the answer, which says that the piece is on disk.
asio::awaitable<Reply> Tasklog::take_output(Output in, Caller caller)
{
    auto const agent = linked_agent(caller);
    ArrivedOutput arrived;
    arrived.id = in.id;
    arrived.stream = stream_of(in.stream);
    arrived.at = in.offset;
    arrived.data = std::move(in.data);
    arrived.fills_gaps = !in.stream;
    Ip owner;
    if (auto const* const open = engine_.open(in.id)) {
        owner = open->agent;
        arrived.by = open->by;
        arrived.is_final = is_final(open->status);
    } else if (auto const task = co_await engine_.find(in.id)) {
        owner = task->agent;
        arrived.by = task->by;
        arrived.is_final = true;
    } else {
        throw Error(codes::no_task, "no task " + in.id.text());
    }
    if (owner != agent)
        throw Error(codes::forbidden, "task " + in.id.text() + " is not one of " + agent.text());
    // Results are always taken; output is what is left out when the key's day is used up.
    auto const by = arrived.by;
    auto const size = arrived.data.size();
    if (quotas_ && engine_.daily_bytes().today(by) >= quotas_->limits_of(by).bytes_per_day) {
        output_.leave_out(in.id, size);
    } else if (!output_.add(std::move(arrived))) {
        if (in.stream)
            throw Error(codes::too_much, "the disk does not keep up with what workers print; send it again");
        output_.leave_out(in.id, size);
    }
    if (in.stream) co_await output_.on_disk();
    co_return Reply();
}

} // namespace elves
