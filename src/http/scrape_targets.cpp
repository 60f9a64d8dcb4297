#include "http/scrape_targets.hpp"

namespace elves::http {

namespace {

constexpr std::string_view prefix = "__meta_elves_";
constexpr std::int64_t page = 1'000;

/// As a name of a label has to be: letters, digits and `_`.
std::string label_name(std::string_view key)
{
    std::string name(prefix);
    for (char const c : key) {
        bool const is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        name += is_plain ? c : '_';
    }
    return name;
}

void add_all(json::object& labels, json::object const& agent, std::string_view field)
{
    auto const* const values = agent.if_contains(field);
    if (!values || !values->is_object()) return;
    for (auto const& [key, value] : values->as_object())
        if (value.is_string()) labels[label_name(key)] = value;
}

/// What somebody has set counts before what the agent says, and that before the fields of every host.
json::object labels_of(json::object const& agent)
{
    json::object labels;
    for (auto const* const field : {"agentip", "status", "asset", "os", "version"}) {
        auto const* const value = agent.if_contains(field);
        if (value && value->is_string()) labels[label_name(field)] = *value;
    }
    add_all(labels, agent, "facts");
    add_all(labels, agent, "labels");
    return labels;
}

std::string_view text_in(json::object const& fields, std::string_view name)
{
    auto const* const value = fields.if_contains(name);
    return value && value->is_string() ? std::string_view(value->as_string()) : std::string_view();
}

} // namespace

std::string ScrapeTargets::question() const
{
    json::object fields{{"target", target_}, {"limit", page}};
    if (!after_.empty()) fields["after"] = after_;
    return json::serialize(fields);
}

void ScrapeTargets::add(json::object const& reply)
{
    auto const* const agents = reply.if_contains("agents");
    for (auto const& agent : agents && agents->is_array() ? agents->as_array() : json::array()) {
        auto const& fields = agent.as_object();
        auto const ip = text_in(fields, "agentip");
        bool const is_v6 = ip.find(':') != std::string_view::npos;
        auto const place = (is_v6 ? "[" + std::string(ip) + "]" : std::string(ip)) + ":" + port_;
        if (text_.size() > 1) text_ += ',';
        text_ += json::serialize(
            json::object{{"targets", json::array{json::string(place)}}, {"labels", labels_of(fields)}});
    }
    auto const next = text_in(reply, "next");
    is_done_ = next.empty() || next == after_;
    after_ = std::string(next);
}

} // namespace elves::http
