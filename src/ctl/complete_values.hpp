#pragma once

#include <string>
#include <vector>

#include "ctl/command.hpp"

namespace elves::ctl {

/// A word that may stand there, and what it is. `:file` and `:folder` stand for paths of this machine, behind
/// the text that is in place of what it is.
struct Candidate {
    std::string word;
    std::string what;
};
using Candidates = std::vector<Candidate>;

struct CompletionInput {
    Args::Given const& given;               ///< Options and values typed so far, by name.
    std::vector<std::string> const& places; ///< Values without a name, in their order.
    std::string current;                    ///< What is typed of the value itself.
};

/// Values for one argument; not yet limited to those that begin with what is typed. Asks the server where
/// only it knows. Throws where that fails.
[[nodiscard]] Candidates values_for(Arg const& arg, CompletionInput const& input);

} // namespace elves::ctl
