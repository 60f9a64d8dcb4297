#include "elves/nearest_word.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace elves {

namespace {

/// Letters to add, drop or change, and neighbours to swap (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            row[j + 1] = std::min({last[j] + (a[i] == b[j] ? 0U : 1U), row[j] + 1, last[j + 1] + 1});
            bool const are_swapped = i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j];
            if (are_swapped) row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
        }
        before.swap(last);
        last.swap(row);
    }
    return last.back();
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
