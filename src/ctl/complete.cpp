#include "ctl/complete.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "core/utf8.hpp"
#include "ctl/complete_values.hpp"
#include "ctl/printable.hpp"

namespace elves::ctl {

namespace {

/// The words before the one that is completed, taken apart as far as they go. Mistakes are passed over.
class Typed {
public:
    explicit Typed(std::vector<std::string> const& words);

    [[nodiscard]] Group const* group() const { return group_; }
    [[nodiscard]] Command const* command() const { return command_; }
    /// The option that waits for its value; null for none.
    [[nodiscard]] Arg const* pending() const { return pending_; }
    [[nodiscard]] bool options_ended() const { return options_ended_; }
    /// The value that stands next without a name; null for none.
    [[nodiscard]] Arg const* next_place() const;
    [[nodiscard]] Arg const* option_named(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> const& places() const { return places_; }
    [[nodiscard]] Args::Given const& given() const { return given_; }

private:
    void take_option(std::string const& word);
    void take_place(std::string const& word);

    Group const* group_ = nullptr;
    Command const* command_ = nullptr;
    Arg const* pending_ = nullptr;
    bool options_ended_ = false;
    std::vector<std::string> places_; ///< Values without a name, in their order.
    Args::Given given_;               ///< By the name of each argument.
};

Command const* command_in(Group const& group, std::string_view name)
{
    for (auto const& command : group.commands()) {
        if (command.name == name) return &command;
    }
    return nullptr;
}

std::vector<Arg const*> places_of(Command const& command)
{
    std::vector<Arg const*> places;
    for (auto const& arg : command.args) {
        if (!arg.name.starts_with('-')) places.push_back(&arg);
    }
    return places;
}

Typed::Typed(std::vector<std::string> const& words)
{
    for (auto const& word : words) {
        if (pending_) {
            given_[std::string(pending_->name)].push_back(word);
            pending_ = nullptr;
        } else if (!options_ended_ && word == "--") {
            options_ended_ = true;
        } else if (!options_ended_ && word.size() > 1 && word.starts_with('-')) {
            take_option(word);
        } else {
            take_place(word);
        }
    }
}

Arg const* Typed::option_named(std::string_view name) const
{
    if (command_) {
        for (auto const& arg : command_->args) {
            if (arg.name == name) return &arg;
        }
    }
    for (auto const& arg : global_args()) {
        if (arg.name == name) return &arg;
    }
    return nullptr;
}

void Typed::take_option(std::string const& word)
{
    auto const equals = word.find('=');
    auto const* const arg = option_named(std::string_view(word).substr(0, equals));
    if (!arg) return;
    if (equals != std::string::npos) {
        given_[std::string(arg->name)].push_back(word.substr(equals + 1));
    } else if (arg->takes == Arg::Takes::flag || arg->takes == Arg::Takes::yes_no) {
        given_[std::string(arg->name)].emplace_back("true");
    } else {
        pending_ = arg;
    }
}

void Typed::take_place(std::string const& word)
{
    if (!command_ || (group_ && command_->name.empty() && places_.empty())) {
        for (auto const& group : groups()) {
            bool const is_here = group_ ? group_ == &group : group.name.empty();
            auto const* const command = is_here ? command_in(group, word) : nullptr;
            if (command) {
                command_ = command;
                return;
            }
            if (!group_ && !group.name.empty() && group.name == word) {
                group_ = &group;
                command_ = command_in(group, ""); // what the group does by itself
                return;
            }
        }
        if (!command_) return;
    }
    if (auto const* const place = next_place()) given_[std::string(place->name)].push_back(word);
    places_.push_back(word);
}

Arg const* Typed::next_place() const
{
    if (!command_) return nullptr;
    auto const places = places_of(*command_);
    if (places_.size() < places.size()) return places[places_.size()];
    bool const repeats = !places.empty() && places.back()->takes == Arg::Takes::many;
    return repeats ? places.back() : nullptr;
}

Candidates commands_at(Typed const& typed)
{
    Candidates found;
    bool const is_top = !typed.group() && !typed.command();
    bool const is_group =
        typed.group() && typed.places().empty() && (!typed.command() || typed.command()->name.empty());
    for (auto const& group : groups()) {
        if (is_top && !group.name.empty())
            found.push_back({std::string(group.name), std::string(group.help)});
        bool const is_shown = is_top ? group.name.empty() : is_group && typed.group() == &group;
        for (auto const& command : is_shown ? group.commands() : std::span<Command const>()) {
            if (!command.name.empty())
                found.push_back({std::string(command.name), std::string(command.help)});
        }
    }
    return found;
}

Candidates options_at(Typed const& typed)
{
    Candidates found;
    auto const add = [&found](Arg const& arg) {
        if (arg.name.starts_with('-')) found.push_back({std::string(arg.name), std::string(arg.help)});
    };
    if (typed.command()) std::for_each(typed.command()->args.begin(), typed.command()->args.end(), add);
    std::for_each(global_args().begin(), global_args().end(), add);
    return found;
}

void print(Candidates const& candidates, std::string const& prefix, std::string_view begun)
{
    for (auto const& [word, what] : candidates) {
        if (word.starts_with(':')) {
            std::printf("%s %s\n", word.c_str(), (prefix + what).c_str());
        } else if (word.starts_with(begun)) {
            auto const line = printable(prefix + word) + (what.empty() ? "" : "\t" + printable(what));
            std::printf("%s\n", line.c_str());
        }
    }
}

void complete_last(std::vector<std::string> const& words)
{
    auto const& last = words.back();
    Typed const typed({words.begin(), words.end() - 1});
    CompletionInput input{typed.given(), typed.places(), last};
    if (typed.pending()) return print(values_for(*typed.pending(), input), "", last);
    auto const equals = last.find('=');
    bool const is_option = !typed.options_ended() && last.starts_with('-');
    if (is_option && equals != std::string::npos) {
        auto const* const arg = typed.option_named(std::string_view(last).substr(0, equals));
        if (!arg) return;
        input.current = last.substr(equals + 1);
        return print(values_for(*arg, input), last.substr(0, equals + 1), input.current);
    }
    if (is_option) return print(options_at(typed), "", last);
    print(commands_at(typed), "", last);
    if (auto const* const place = typed.next_place()) {
        print(values_for(*place, input), "", last);
        if (!place->is_required && last.empty()) print(options_at(typed), "", last);
    } else if (typed.command() && last.empty()) {
        print(options_at(typed), "", last);
    }
}

} // namespace

Exit complete(std::vector<std::string> const& words)
{
    try {
        bool const is_text =
            std::all_of(words.begin(), words.end(), [](auto const& word) { return is_utf8(word); });
        if (!words.empty() && is_text) complete_last(words);
    } catch (std::exception const&) {
        // A shell that asks for words shows no errors.
    }
    return Exit::well;
}

} // namespace elves::ctl
