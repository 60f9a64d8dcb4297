#include "ctl/printed_output.hpp"

#include <algorithm>
#include <utility>

#include "ctl/printable.hpp"
#include "elves/json_fields.hpp"

namespace elves::ctl {

namespace {

constexpr std::size_t page_bytes = std::size_t{64} * 1024;
/// Read of one stream: four times the most that a server keeps ([tasklog] max_output).
constexpr std::size_t most_read = std::size_t{64} * 1024 * 1024;
/// A line that does not end is broken here at last.
constexpr std::size_t longest_line = std::size_t{16} * 1024 * 1024;

std::size_t size_in(json::object const& reply, std::string_view name)
{
    auto const bytes = whole_number(plain_field(reply, name));
    return bytes && *bytes > 0 ? static_cast<std::size_t>(*bytes) : 0;
}

/// A server that has always more than it says it has would be asked for ever.
bool take_text(std::string& text, std::size_t& read, std::size_t size, std::string const& more)
{
    if (more.empty() || read >= std::min(size, most_read)) return false;
    text += more;
    read += more.size();
    return true;
}

} // namespace

json::object TaskOutput::next_call(std::string const& id) const
{
    return {{"id", id}, {"offset", output_read}, {"limit", page_bytes}, {"stderr_offset", errors_read}};
}

bool TaskOutput::take(json::object const& reply)
{
    size = size_in(reply, "size");
    exit_code = plain_field(reply, "exit_code");
    left_out = plain_field(reply, "left_out");
    is_truncated = plain_field(reply, "truncated") == "true";
    bool const has_more = take_text(output, output_read, size, plain_field(reply, "output"));
    if (!reply.contains("stderr_size")) {
        // A server that has no offsets there says all of it each time.
        errors = plain_field(reply, "stderr");
        return has_more;
    }
    errors_size = size_in(reply, "stderr_size");
    bool const has_more_errors = take_text(errors, errors_read, errors_size, plain_field(reply, "stderr"));
    return has_more || has_more_errors;
}

std::string LinePrinter::put(std::string_view text)
{
    if (prefix_.empty()) {
        if (!text.empty()) is_in_line_ = !text.ends_with('\n');
        return printable_lines(text);
    }
    std::string out;
    while (!text.empty()) {
        auto const end = text.find('\n');
        line_ += text.substr(0, end);
        if (end == std::string_view::npos && line_.size() < longest_line) break;
        out += prefix_ + printable_lines(line_) + '\n';
        line_.clear();
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return out;
}

std::string LinePrinter::finish()
{
    if (prefix_.empty()) return std::exchange(is_in_line_, false) ? "\n" : "";
    return line_.empty() ? "" : prefix_ + printable_lines(std::exchange(line_, {})) + '\n';
}

} // namespace elves::ctl
