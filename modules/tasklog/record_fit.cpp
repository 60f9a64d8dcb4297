#include "record_fit.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "elves/text_fit.hpp"

namespace elves {

namespace {

// The first is cut first: a param is known to whoever sent it.
constexpr std::array<std::string_view, 5> long_texts{
    "param", "processor_message", "module_sync_error", "agent_sync_error", "worker_message"};

std::size_t size_of(json::value const& record) { return json::serialize(record).size(); }

/// Never less than `size_of`, and cheaper.
std::size_t most_size_of(json::value const& record)
{
    constexpr std::size_t most_a_byte = 6;
    constexpr std::size_t around = 8;
    std::size_t size = around;
    for (auto const& [name, value] : record.as_object())
        size += name.size() + around + (value.is_string() ? value.get_string().size() * most_a_byte : 24);
    return size;
}

void cut_record(json::object& record, std::size_t size, std::size_t room)
{
    auto excess = size - room;
    for (auto const name : long_texts) {
        auto* const value = record.if_contains(name);
        if (excess == 0 || !value || !value->is_string()) continue;
        auto& text = value->get_string();
        std::string_view const whole(text.data(), text.size());
        auto const bytes = json_bytes(whole);
        // The last one may become empty, the others keep half of the room at most.
        auto const least = name == long_texts.back() ? 0 : room / 2;
        auto const kept = head_that_fits(whole, std::max(bytes - std::min(bytes, excess), least)).size();
        if (kept == text.size()) continue;
        excess -= std::min(excess, bytes - json_bytes(whole.substr(0, kept)));
        text.resize(kept);
        record["truncated"] = "true";
    }
}

} // namespace

void fit_records(json::array& records, std::size_t room)
{
    std::size_t most = 0;
    for (auto const& record : records) most += most_size_of(record);
    if (most <= room) return;
    std::vector<std::pair<std::size_t, json::value*>> sizes;
    for (auto& record : records) sizes.emplace_back(size_of(record) + 1, &record);
    std::sort(sizes.begin(), sizes.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
    auto left = room;
    auto count = sizes.size();
    for (auto const& [size, record] : sizes) {
        auto const share = left / count--;
        if (size > share) {
            // Room for the mark itself.
            constexpr std::size_t mark = 32;
            cut_record(record->as_object(), size, share > mark ? share - mark : 0);
        }
        left -= std::min({left, share, size});
    }
}

} // namespace elves
