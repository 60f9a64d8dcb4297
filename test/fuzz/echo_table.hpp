#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "elves/method_table.hpp"

namespace elves::fuzz {

// Each as its field could be sent again.
inline json::value sent(std::string const& text) { return json::string(text); }
inline json::value sent(bool flag) { return flag; }
inline json::value sent(std::int64_t number) { return json::string(std::to_string(number)); }
inline json::value sent(std::chrono::seconds time) { return sent(std::int64_t{time.count()}); }
inline json::value sent(Ip const& ip) { return sent(ip.text()); }
inline json::value sent(IpRange const& range) { return sent(range.text()); }
inline json::value sent(TaskId id) { return sent(id.text()); }
inline json::value sent(AppName const& app) { return sent(app.text); }
inline json::value sent(Instruction const& ins) { return ins.to_json(); }
inline json::value sent(QuartzRule const& rule) { return sent(rule.text()); }
inline json::value sent(JsonDocument const& object) { return to_boost_json(object.root()); }
template <class T>
json::value sent(std::vector<T> const& items)
{
    json::array all;
    for (auto const& item : items) all.push_back(sent(item));
    return all;
}
template <class T>
json::value sent(std::optional<T> const& value)
{
    return value ? sent(*value) : json::value("");
}

template <class T>
struct One {
    T value;
};

/// `name` answers at once with what it has read, `name` + "later" the same after a turn of the loop.
template <class T>
void echo(MethodTable& table, std::string const& name, char const* field, Right right = Right::read)
{
    table.call<One<T>>(name, right, {required(field, &One<T>::value)}, "Says what it was told.",
        [field](One<T> in, Caller const&) {
            return Reply{{field, sent(in.value)}};
        });
    using Maybe = One<std::optional<T>>;
    table.call<Maybe>(name + "later", right, {optional(field, &Maybe::value)}, "Likewise, in a while.",
        [field](Maybe in, Caller) -> asio::awaitable<Reply> {
            co_await boost::asio::post(asio::use_awaitable);
            json::object fields;
            fields[field] = sent(in.value);
            co_return Reply(std::move(fields));
        });
}

/// A whole protocol's kinds of fields, in one call.
struct Many {
    Ip agentip;
    Instruction ins;
    std::optional<QuartzRule> rule;
    std::optional<TaskId> id;
    std::vector<std::string> apps;
    std::optional<bool> enabled;
    std::chrono::seconds jitter{};
};

/// A method for each kind of field that there is, and some with names that docs/protocol.md reads in two
/// ways.
inline void declare_echoes(MethodTable& table)
{
    echo<std::string>(table, "text", "text");
    echo<bool>(table, "flag", "flagged");
    echo<std::int64_t>(table, "number", "number");
    echo<std::chrono::seconds>(table, "time", "time");
    echo<Ip>(table, "getcmdbinfobyip", "agentip");
    echo<std::vector<Ip>>(table, "getcmdbinfobyiplist", "agentiplist");
    echo<TaskId>(table, "gettask", "id", Right::own);
    echo<std::vector<TaskId>>(table, "gettaskbyids", "id");
    echo<std::vector<std::string>>(table, "words", "words");
    echo<std::vector<IpRange>>(table, "ranges", "ranges", Right::manage);
    echo<AppName>(table, "getappcallbackinfo", "appname");
    echo<Instruction>(table, "sendasync", "ins", Right::operate);
    echo<std::optional<QuartzRule>>(table, "next", "rule");
    echo<JsonDocument>(table, "agentasynclog", "info", Right::report);
    table
        .call<Many>("setcronbyip", Right::operate,
            {required("agentip", &Many::agentip), required("ins", &Many::ins), required("rule", &Many::rule),
                optional("id", &Many::id), optional("apps", &Many::apps), optional("enabled", &Many::enabled),
                optional("jitter", &Many::jitter)},
            "Says what it was told.",
            [](Many in, Caller const&) {
                return Reply{{"agentip", sent(in.agentip)}, {"ins", sent(in.ins)}, {"rule", sent(in.rule)},
                    {"id", sent(in.id)}, {"apps", sent(in.apps)}, {"enabled", sent(in.enabled)},
                    {"jitter", sent(in.jitter)}};
            })
        .refused_with([](Error const& error) {
            return Reply{{"info", json::object{{"why", error.info()}}}};
        });
}

} // namespace elves::fuzz
