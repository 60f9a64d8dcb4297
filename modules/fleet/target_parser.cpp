#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "elves/error.hpp"
#include "elves/json_fields.hpp"
#include "elves/lower_case.hpp"
#include "elves/nearest_word.hpp"
#include "elves/short_name.hpp"
#include "elves/task.hpp"
#include "target.hpp"

namespace elves {

namespace {

using Kind = TargetPart::Kind;
using Field = TargetField::Kind;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool ends_word(char c) { return is_blank(c) || c == '(' || c == ')' || c == ','; }

/// In characters from 1, as an editor counts.
std::size_t column_of(std::string_view text, std::size_t at)
{
    auto const head = text.substr(0, at);
    return 1 + static_cast<std::size_t>(std::count_if(head.begin(), head.end(),
                   [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// Has the look of an address: nobody means an asset by it.
bool looks_like_address(std::string_view word)
{
    return word.find("::") != std::string_view::npos ||
           word.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool is_known_label(std::string_view word, Target::Labels const* labels)
{
    return is_label_key(word) && (!labels || labels->contains(word));
}

std::string unknown_field(std::string_view name, Target::Labels const* labels)
{
    Target::Labels known{"ip", "asset", "os", "agent", "status", "seen", "sn", "idc", "main_cat", "sub_cat",
        "app_info", "manager"};
    if (labels) known.insert(labels->begin(), labels->end());
    auto const nearest = nearest_word(name, known);
    return "no host has a field " + shown(name) + "; " +
           (nearest.empty()
                   ? "expected a label's key, ip, asset, os, agent, status, seen, app.NAME, fact.KEY, or a "
                     "field of the inventory"
                   : "did you mean " + nearest + "?");
}

/// Reads one expression by recursive descent: a function for each line of the grammar.
class Parser {
public:
    Parser(std::string_view text, Target::Labels const* labels) : text_(text), labels_(labels) {}

    Target parse()
    {
        if (text_.size() > Target::most_bytes)
            throw Error(codes::bad_target,
                "`target` has " + std::to_string(text_.size()) + " bytes; give at most 4096");
        require_no_controls();
        skip_blanks();
        if (at_end()) {
            throw Error(
                codes::bad_target, "`target` is empty; say which hosts, and `all` where you mean every one");
        }
        Target target{std::string(text_), expression(), 0};
        if (!at_end()) expected(at_, "`and`, `or` or the end" + case_hint());
        target.tests = tests_;
        return target;
    }

private:
    // ---- characters ----
    [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
    [[nodiscard]] char here() const { return at_end() ? '\0' : text_[at_]; }
    void skip_blanks()
    {
        while (!at_end() && is_blank(text_[at_])) ++at_;
    }
    [[nodiscard]] std::string_view slice(std::size_t from) const { return text_.substr(from, at_ - from); }

    void require_no_controls() const
    {
        for (std::size_t i = 0; i < text_.size(); ++i) {
            auto const c = static_cast<unsigned char>(text_[i]);
            if ((c < 0x20 && !is_blank(text_[i])) || c == 0x7F) expected(i, "no control character");
        }
    }

    /// The operator that begins at `at`; nothing where none does.
    [[nodiscard]] std::optional<std::pair<TargetOp, std::size_t>> op_at(std::size_t at) const
    {
        static constexpr std::array<std::pair<std::string_view, TargetOp>, 8> ops{
            {{"!=", TargetOp::not_equal}, {"!~", TargetOp::not_like}, {"<=", TargetOp::less_or_equal},
                {">=", TargetOp::greater_or_equal}, {"=", TargetOp::equal}, {"~", TargetOp::like},
                {"<", TargetOp::less}, {">", TargetOp::greater}}};
        for (auto const& [sign, op] : ops) {
            if (text_.substr(at).starts_with(sign)) return std::pair(op, sign.size());
        }
        return std::nullopt;
    }

    /// A name: up to a blank, a bracket, a comma or an operator.
    [[nodiscard]] std::string_view word_at(std::size_t at) const
    {
        auto end = at;
        while (end < text_.size() && !ends_word(text_[end]) && !op_at(end)) ++end;
        return text_.substr(at, end - at);
    }
    [[nodiscard]] bool is_keyword_here(std::string_view word) const { return word_at(at_) == word; }

    // ---- errors ----
    [[noreturn]] void fail(std::size_t at, std::string const& what) const
    {
        throw Error(
            codes::bad_target, "`target` column " + std::to_string(column_of(text_, at)) + ": " + what);
    }
    [[noreturn]] void expected(std::size_t at, std::string const& what) const
    {
        auto const rest = text_.substr(at);
        auto const found =
            at >= text_.size() ? std::string("it ends") : "it has " + shown(word_or_sign(rest));
        fail(at, found + "; expected " + what);
    }
    [[nodiscard]] static std::string_view word_or_sign(std::string_view rest)
    {
        auto const end = std::find_if(rest.begin() + 1, rest.end(), ends_word);
        constexpr std::ptrdiff_t most = 64;
        return rest.substr(0, static_cast<std::size_t>(std::min(most, end - rest.begin())));
    }
    [[nodiscard]] std::string case_hint() const
    {
        auto const word = lower_case(word_at(at_));
        return word == "and" || word == "or" ? " (keywords are in lower case)" : "";
    }
    void count_test(std::size_t at)
    {
        if (++tests_ > Target::most_tests) fail(at, "this is test 257; give at most 256");
    }
    void deeper(std::size_t at)
    {
        if (++depth_ > Target::most_depth) fail(at, "this is nested more than 16 deep; use groups");
    }

    // ---- target := one | one ("and" one)+ | one ("or" one)+ ----
    TargetPart expression()
    {
        auto const from = at_;
        std::vector<TargetPart> parts;
        parts.push_back(one());
        std::string_view joint;
        for (;;) {
            auto const end = at_;
            skip_blanks();
            bool const is_joint = is_keyword_here("and") || is_keyword_here("or");
            if (!is_joint) {
                if (parts.size() == 1) return std::move(parts.front());
                return joined(joint, from, end, std::move(parts));
            }
            auto const word = word_at(at_);
            if (!joint.empty() && word != joint) mixed(from, end, parts, joint, word);
            joint = word;
            at_ += word.size();
            skip_blanks();
            parts.push_back(one());
        }
    }
    static TargetPart joined(
        std::string_view joint, std::size_t from, std::size_t to, std::vector<TargetPart> parts)
    {
        return {joint == "and" ? Kind::both : Kind::either, from, to, std::move(parts)};
    }
    /// Shows both ways to read `a and b or c`.
    [[noreturn]] void mixed(std::size_t from, std::size_t end, std::vector<TargetPart> const& parts,
        std::string_view joint, std::string_view word)
    {
        auto const at = at_;
        auto const before = std::string(text_.substr(from, end - from));
        auto const last_from = parts.back().from;
        auto const head = std::string(text_.substr(from, last_from - from));
        auto const last = std::string(text_.substr(last_from, end - last_from));
        at_ += word.size();
        skip_blanks();
        auto const next_from = at_;
        one();
        auto const next = std::string(text_.substr(next_from, at_ - next_from));
        auto const other = " " + std::string(word) + " ";
        constexpr std::size_t longest_shown = 160;
        if (before.size() + next.size() > longest_shown)
            fail(at, "it mixes `and` and `or`; put one of them in parentheses");
        fail(at, "it mixes `" + std::string(joint) + "` and `" + std::string(word) + "`: write (" + before +
                     ")" + other + next + " or " + head + "(" + last + other + next + ")");
    }

    // ---- one ----
    TargetPart one()
    {
        auto const from = at_;
        auto const c = here();
        if (at_end()) expected(at_, "a host, a group, a test, or `all`");
        if (c == '(') return bracket();
        if (c == '"') return quoted_name();
        if (c == '@') return group();
        auto const word = word_at(at_);
        if (word.empty() || word == "and" || word == "or" || word == "in")
            expected(at_, "a host, a group, a test, or `all`");
        at_ += word.size();
        if (word == "not") return negation(from);
        if (word == "has") return has(from);
        if (word == "all") return {Kind::all, from, at_};
        return word_of(from, word);
    }

    TargetPart bracket()
    {
        auto const from = at_++;
        deeper(from);
        skip_blanks();
        auto inner = expression();
        skip_blanks();
        if (here() != ')') expected(at_, "`)`" + case_hint());
        ++at_;
        --depth_;
        inner.from = from;
        inner.to = at_;
        return inner;
    }

    TargetPart negation(std::size_t from)
    {
        deeper(from);
        skip_blanks();
        TargetPart part{Kind::negation, from};
        part.parts.push_back(one());
        --depth_;
        part.to = at_;
        return part;
    }

    TargetPart has(std::size_t from)
    {
        count_test(from);
        skip_blanks();
        auto const at = at_;
        auto const word = word_at(at);
        if (word.empty()) expected(at, "a field");
        at_ += word.size();
        TargetPart part{Kind::has, from, at_};
        part.field = field(at, word);
        return part;
    }

    TargetPart quoted_name()
    {
        auto const from = at_;
        count_test(from);
        TargetPart part{Kind::name, from};
        part.text = quoted();
        part.to = at_;
        return part;
    }

    TargetPart group()
    {
        auto const from = at_++;
        count_test(from);
        auto const name = word_at(at_);
        if (!is_short_name(name))
            fail(from, "@" + std::string(name) +
                           " is no group's name; expected @ and 1 to 64 of a-z, 0-9, `_`, `.`, `-`");
        at_ += name.size();
        TargetPart part{Kind::group, from, at_};
        part.text = name;
        return part;
    }

    /// A run, a place, a test, or a name.
    TargetPart word_of(std::size_t from, std::string_view word)
    {
        if (word.starts_with("run:")) return run(from, word.substr(4));
        if (auto part = place(from, word)) return std::move(*part);
        auto const end = at_;
        skip_blanks();
        if (op_at(at_)) return test(from, word);
        if (is_keyword_here("in")) return one_of(from, word);
        at_ = end;
        return name(from, word);
    }

    TargetPart run(std::size_t from, std::string_view rest)
    {
        count_test(from);
        auto const colon = rest.find(':');
        auto const id = TaskId::parse(rest.substr(0, colon));
        if (!id)
            throw Error(codes::bad_id, "`target` column " + std::to_string(column_of(text_, from)) +
                                           ": run:" + std::string(rest) +
                                           " has no id; expected 16 hex digits");
        TargetPart part{Kind::run, from, at_};
        part.run = *id;
        if (colon != std::string_view::npos) part.run_state = run_state(from, rest.substr(colon + 1));
        return part;
    }
    [[nodiscard]] std::string run_state(std::size_t from, std::string_view state) const
    {
        if (state != "held" && state != "not_started" && !parse_status(state))
            fail(from, "a host of a run is never " + shown(state) +
                           "; expected held, waiting, sent, running, done, failed, timeout, canceled, "
                           "expired, undelivered, lost or not_started");
        return std::string(state);
    }

    // ---- place := ADDRESS | CIDR | ADDRESS "-" ADDRESS ----
    std::optional<TargetPart> place(std::size_t from, std::string_view word)
    {
        if (auto const ip = Ip::parse(word)) return range(from, *ip);
        if (auto const dash = word.find('-'); dash != std::string_view::npos) {
            if (auto const first = Ip::parse(word.substr(0, dash))) {
                at_ = from + dash;
                return range(from, *first);
            }
        }
        if (word.find('/') != std::string_view::npos) {
            auto const block = IpRange::parse(word);
            if (!block && !looks_like_address(word.substr(0, word.find('/')))) return std::nullopt;
            if (!block) expected(from, "an address block such as 10.0.0.0/8");
            count_test(from);
            TargetPart part{Kind::place, from, at_};
            part.first = block->first();
            part.last = block->last();
            return part;
        }
        return std::nullopt;
    }
    /// The address `first` has been read: it, or up to another one.
    TargetPart range(std::size_t from, Ip const& first)
    {
        count_test(from);
        TargetPart part{Kind::place, from, at_};
        part.first = part.last = first;
        auto const end = at_;
        skip_blanks();
        if (here() != '-') {
            at_ = end;
            part.is_address = true;
            return part;
        }
        ++at_;
        skip_blanks();
        auto const at = at_;
        auto const word = word_at(at);
        auto const last = Ip::parse(word);
        if (!last) expected(at, "the last address of the range");
        if (last->is_v4() != first.is_v4()) expected(at, "an address of the same family as the first");
        if (*last < first) expected(at, "an address that is not before the first");
        at_ += word.size();
        part.last = *last;
        part.to = at_;
        return part;
    }

    TargetPart name(std::size_t from, std::string_view word)
    {
        count_test(from);
        bool const is_field = built_in_field(word) || (labels_ && labels_->contains(word));
        if (is_field)
            fail(at_, "an operator is missing behind the field " + std::string(word) + "; expected " +
                          std::string(word) + "=VALUE, or has " + std::string(word) +
                          "; put a host's name in quotes");
        if (looks_like_address(word)) expected(from, "a whole IPv4 or IPv6 address");
        if (word.find('"') != std::string_view::npos)
            expected(from + word.find('"'), "no quote inside a name");
        TargetPart part{Kind::name, from, at_};
        part.text = word;
        return part;
    }

    // ---- tests ----
    [[nodiscard]] TargetField field(std::size_t at, std::string_view word) const
    {
        if (auto const known = built_in_field(word)) return *known;
        if (is_known_label(word, labels_)) return {Field::label, std::string(word)};
        fail(at, unknown_field(word, labels_));
    }

    TargetPart test(std::size_t from, std::string_view word)
    {
        count_test(from);
        TargetPart part{Kind::test, from};
        part.field = field(from, word);
        auto const at = at_;
        auto const [op, length] = *op_at(at);
        part.op = op;
        require_op(at, part);
        at_ += length;
        require_no_op();
        skip_blanks();
        require_no_op();
        add_value(part);
        part.to = at_;
        return part;
    }
    void require_no_op() const
    {
        if (op_at(at_)) expected(at_, "a value behind the operator, in quotes where it begins like one");
    }
    void require_op(std::size_t at, TargetPart const& part) const
    {
        bool const is_order = part.op >= TargetOp::less;
        bool const is_glob = part.op == TargetOp::like || part.op == TargetOp::not_like;
        auto const kind = part.field.kind;
        if (kind == Field::seen) {
            if (!is_order) expected(at, "`<`, `<=`, `>` or `>=` behind seen");
        } else if (is_order && kind != Field::ip && !part.field.has_versions()) {
            expected(at, "`=`, `!=`, `~` or `!~` behind " + part.field.text());
        } else if (is_glob && kind == Field::ip) {
            expected(
                at, "`=`, `!=`, `<`, `<=`, `>` or `>=` behind ip; a block is written as it is, 10.0.0.0/8");
        }
    }

    TargetPart one_of(std::size_t from, std::string_view word)
    {
        TargetPart part{Kind::one_of, from};
        part.field = field(from, word);
        if (part.field.kind == Field::seen) expected(at_, "`<`, `<=`, `>` or `>=` behind seen");
        at_ += std::string_view("in").size();
        skip_blanks();
        if (here() != '(') expected(at_, "`(` and the values");
        do {
            ++at_;
            skip_blanks();
            count_test(at_);
            add_value(part);
            skip_blanks();
        } while (here() == ',');
        if (here() != ')') expected(at_, "`,` or `)`");
        ++at_;
        part.to = at_;
        return part;
    }

    /// Reads one value, as the part's field has it.
    void add_value(TargetPart& part)
    {
        auto const at = at_;
        auto value = here() == '"' ? quoted() : plain();
        switch (part.field.kind) {
        case Field::ip:
            part.addresses.push_back(address(at, value));
            break;
        case Field::seen:
            part.age = age(at, value);
            break;
        case Field::status:
            value = lower_case(value);
            break;
        case Field::os:
            value = lower_case(value);
            if (value == "windows") value = "win";
            break;
        default:
            break;
        }
        bool const is_glob = part.op == TargetOp::like || part.op == TargetOp::not_like;
        if (is_glob) {
            if (auto const fault = Glob::fault_of(value))
                expected(at + (text_[at] == '"' ? 1 : 0) + fault->at, fault->expected);
            part.glob.emplace(value);
        } else if (part.field.kind == Field::status && value != "online" && value != "offline" &&
                   value != "unknown") {
            expected(at, "online, offline or unknown");
        }
        part.values.push_back(std::move(value));
    }
    [[nodiscard]] Ip address(std::size_t at, std::string const& value) const
    {
        auto const ip = Ip::parse(value);
        if (!ip) expected(at, "an IPv4 or IPv6 address; a block is written as it is, 10.0.0.0/8");
        return *ip;
    }
    [[nodiscard]] std::chrono::seconds age(std::size_t at, std::string const& value) const
    {
        constexpr std::size_t most_digits = 9;
        std::int64_t number = 0;
        auto const digits = value.empty() ? 0 : value.size() - 1;
        auto const [end, fault] = std::from_chars(value.data(), value.data() + digits, number);
        auto const units = std::string_view("smhd");
        auto const unit = value.empty() ? units.npos : units.find(value.back());
        bool const is_age = digits >= 1 && digits <= most_digits && value.front() != '-' &&
                            fault == std::errc() && end == value.data() + digits && unit != units.npos;
        if (!is_age) expected(at, "an age such as 90s, 10m, 1h or 7d");
        constexpr std::array<std::int64_t, 4> seconds{1, 60, 3'600, 86'400};
        return std::chrono::seconds(number * seconds[unit]);
    }

    std::string plain()
    {
        auto const from = at_;
        while (!at_end() && !ends_word(text_[at_])) {
            if (text_[at_] == '"') expected(at_, "no quote inside a value; put all of it in quotes");
            ++at_;
        }
        if (at_ == from) expected(from, "a value; an empty one is not possible: see `has`");
        return std::string(slice(from));
    }

    std::string quoted()
    {
        auto const from = at_++;
        std::string value;
        while (here() != '"') {
            if (at_end())
                expected(
                    at_, "a `\"` that closes the one of column " + std::to_string(column_of(text_, from)));
            if (here() == '\\') {
                ++at_;
                if (here() != '"' && here() != '\\')
                    expected(at_ - 1, "\\\" or \\\\: there is no other escape");
            } else if (static_cast<unsigned char>(here()) < 0x20) {
                expected(at_, "no control character in a value");
            }
            value += text_[at_++];
        }
        if (value.empty()) expected(from, "a value; an empty one is not possible: see `has`");
        ++at_;
        if (!at_end() && !ends_word(text_[at_]))
            expected(at_, "a blank, a bracket, a comma or the end behind `\"`");
        return value;
    }

    std::string_view text_;
    Target::Labels const* labels_;
    std::size_t at_ = 0;
    std::size_t tests_ = 0;
    std::size_t depth_ = 0;
};

} // namespace

TargetField Target::parse_field(std::string_view field, std::string_view text, Labels const* labels)
{
    if (auto const known = built_in_field(text)) return *known;
    if (is_known_label(text, labels)) return {Field::label, std::string(text)};
    throw Error(codes::bad_target, "`" + std::string(field) + "`: " + unknown_field(text, labels));
}

Target Target::parse(std::string_view text, Labels const* labels) { return Parser(text, labels).parse(); }

} // namespace elves
