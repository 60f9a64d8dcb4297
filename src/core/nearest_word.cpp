#include "core/nearest_word.hpp"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace elves {

namespace {

/// Letters to add, drop or change (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        auto corner = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            auto const change = corner + (a[i] == b[j] ? 0U : 1U);
            corner = row[j + 1];
            row[j + 1] = std::min({change, row[j] + 1, corner + 1});
        }
    }
    return row.back();
}

} // namespace

std::string nearest_word(std::string_view word, std::set<std::string, std::less<>> const& known)
{
    // A third of its letters wrong is a slip; more is another word. It costs the square: not for long ones.
    constexpr std::size_t longest = 64;
    if (word.size() > longest) return {};
    std::string best;
    auto least = std::max<std::size_t>(word.size() / 3, 1) + 1;
    for (auto const& candidate : known) {
        auto const letters = distance(word, candidate);
        if (letters < least) {
            least = letters;
            best = candidate;
        }
    }
    return best;
}

} // namespace elves
