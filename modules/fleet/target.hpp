#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "elves/ip.hpp"
#include "elves/task_id.hpp"
#include "glob.hpp"

namespace elves {

/// What of a host a test looks at.
struct TargetField {
    enum class Kind {
        label,
        ip,
        asset,
        os,
        agent,
        status,
        seen,
        app,
        fact,
        sn,
        idc,
        main_cat,
        sub_cat,
        app_info,
        manager
    };
    Kind kind = Kind::label;
    std::string key{}; ///< Of a label, an app or a fact.

    /// As it is written in an expression: `env`, `app.nginx`, `idc`.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] bool has_versions() const noexcept { return kind == Kind::agent || kind == Kind::app; }
};

enum class TargetOp { equal, not_equal, like, not_like, less, less_or_equal, greater, greater_or_equal };

/// One part of a target expression, with the parts below it. Immutable once it is read.
struct TargetPart {
    enum class Kind {
        all,
        both,     ///< `and` of two or more parts.
        either,   ///< `or` of two or more parts.
        negation, ///< `not` of one part.
        place,    ///< Addresses `first` to `last`.
        name,     ///< `text`: the hosts of that asset.
        group,    ///< `text`: its name.
        run,
        has,  ///< The host has `field`.
        test, ///< `field op value`: one of the values below, by the field.
        one_of,
    };
    Kind kind = Kind::all;
    std::size_t from = 0; ///< Its place in the expression: bytes `from` up to `to`.
    std::size_t to = 0;
    std::vector<TargetPart> parts{};
    Ip first{}, last{};
    bool is_address = false; ///< A place that is one address, named outright.
    std::string text{};
    TaskId run{};
    std::string run_state{}; ///< "" for every state.
    TargetField field{};
    TargetOp op = TargetOp::equal;
    std::vector<std::string> values{};
    std::vector<Ip> addresses{}; ///< The values of `ip`.
    std::chrono::seconds age{0}; ///< The value of `seen`.
    std::optional<Glob> glob{};  ///< Of `~` and `!~`.
};

/// A target expression (docs/targets.md): which hosts?
struct Target {
    static constexpr std::size_t most_bytes = 4096;
    static constexpr std::size_t most_tests = 256;
    static constexpr std::size_t most_depth = 16;

    std::string text;
    TargetPart root;
    std::size_t tests = 0;

    /// The keys of labels that some host has: where one of them stands alone, a test is meant.
    using Labels = std::set<std::string, std::less<>>;
    /// Throws Error 403.11 with the column, what was expected there and, for an unknown field, the nearest
    /// name; 403.9 for an illegal id of a run. With `labels` a field has to be one of them or of those that
    /// every fleet has. Null for an expression that was stored: it means what it meant when it was set,
    /// whatever labels there are now.
    [[nodiscard]] static Target parse(std::string_view text, Labels const* labels);
    /// The field of that name, as `parse` would read it. Throws Error 403.11 for an unknown one, in the words
    /// of the request's field `field`.
    [[nodiscard]] static TargetField parse_field(
        std::string_view field, std::string_view text, Labels const* labels);
};

/// `[a-z][a-z0-9_]{0,31}`, and no word of the language.
[[nodiscard]] bool is_label_key(std::string_view key);
/// The field of that name, other than a label's. Nothing for an unknown one.
[[nodiscard]] std::optional<TargetField> built_in_field(std::string_view name);

} // namespace elves
