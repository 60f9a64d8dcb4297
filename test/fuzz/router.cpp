// Whatever a frame's text says, it gets one well-formed reply within bounds, and nobody gets further with a
// key than without one where the door is open.
#include "rpc/router.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "core/frame_reader.hpp"
#include "core/utf8.hpp"
#include "echo_table.hpp"
#include "fuzz_target.hpp"
#include "rpc/frame_json.hpp"
#include "support/fake_peer.hpp"
#include "support/some_key.hpp"
#include "unit/manual_clock.hpp"

using namespace elves;

namespace {

constexpr std::size_t max_frame = 2000;
constexpr std::size_t whole = static_cast<std::size_t>(-1);

/// One key, `good`, with the token `secret`: for one app and two ranges.
class OneKey final : public Authority {
public:
    OneKey()
    {
        auto const key = std::make_shared<Key>(*some_key(Role::operator_, {"10.0.0.0/8", "fd00::/8"}));
        key->apps = {"apptest"};
        key_ = key;
    }
    std::shared_ptr<Key const> prove(std::string_view name, std::string_view token, Ip const&) override
    {
        if (name != "good" || token != "secret") throw Error(codes::wrong_key, "wrong key or token");
        return key_;
    }
    std::shared_ptr<Key const> still(BoundKey const&, Ip const&) override { return key_; }
    asio::awaitable<void> wrong_try(std::shared_ptr<Peer>, std::string) override { co_return; }
    [[nodiscard]] bool has_had_admin_key() const noexcept override { return false; }
    [[nodiscard]] AdminKeys admin_keys() const override { return {}; }
    [[nodiscard]] Key const& key() const { return *key_; }

private:
    std::shared_ptr<Key const> key_;
};

struct House {
    asio::io_context loop{1};
    ManualClock clock;
    OneKey keys;
    Gate gate{AuthMode::open, &keys};
    MethodTable table;
    Router router{gate};
    std::shared_ptr<FakePeer> nobody = std::make_shared<FakePeer>(loop.get_executor(), clock);
    std::shared_ptr<FakePeer> known = std::make_shared<FakePeer>(loop.get_executor(), clock);

    House()
    {
        fuzz::declare_echoes(table);
        for (auto const* service : {"sheduler", "supervisor", "cmdbproxy", "cron", "tasklog"})
            router.add(service, table);
        router.add_disabled("heartbeat");
        known->bind_key({"good", "its token's hash"});
    }
};

House& house()
{
    static House one;
    return one;
}

/// As Link handles a frame; in the end the frame and its memory are gone, and only the reply is there.
std::string answer(std::string_view text, std::shared_ptr<Peer> const& peer, std::size_t most)
{
    std::string out;
    std::optional<ReplyTo> to;
    std::optional<Router::Answer> result;
    {
        JsonReader reader;
        auto const frame = read_frame(reader, text);
        if (auto const* const error = std::get_if<Error>(&frame)) {
            append_back(out, Envelope{}, {{}, error->info()}, most);
            return out;
        }
        auto const& call = *std::get<JsonValue const*>(frame);
        auto const envelope = Envelope::of(call);
        result = house().router.run(envelope, call, peer);
        to = ReplyTo::of(envelope);
        if (auto const* const now = std::get_if<Outcome>(&*result)) {
            append_back(out, envelope, *now, most);
            std::string owned;
            append_back(owned, *to, *now, most);
            PROMISE(owned == out);
            return out;
        }
    }
    auto& loop = house().loop;
    asio::co_spawn(
        loop, outcome_of(std::move(*result)), [&](std::exception_ptr const& failure, Outcome const& later) {
            PROMISE(!failure);
            append_back(out, *to, later, most);
        });
    loop.restart();
    loop.run();
    return out;
}

/// For looking at; nothing where the text is not a frame.
std::optional<json::object> object_of(std::string_view text)
{
    JsonReader reader;
    auto const frame = read_frame(reader, text);
    if (!std::holds_alternative<JsonValue const*>(frame)) return std::nullopt;
    return to_boost_json(*std::get<JsonValue const*>(frame)).as_object();
}

/// The reply's fields, or the whole envelope's promises broken.
json::object opened(std::string const& frame, json::object const* call)
{
    FrameReader reader(whole);
    reader.put(frame);
    auto const text = reader.next();
    PROMISE(text && !reader.next() && reader.fault() == FrameFault::none && reader.held() == 0);
    auto reply = object_of(*text).value();

    auto const as_sent = [&](char const* field) {
        auto const* const value = call ? call->if_contains(field) : nullptr;
        return value && value->is_string() ? value->get_string() : json::string();
    };
    PROMISE(reply.at("mqt") == "back");
    PROMISE(reply.at("mqs") == as_sent("mqs") && reply.at("mqf") == as_sent("mqf"));
    auto const error = reply.at("error_info").as_string();
    PROMISE(reply.at("flag") == (error.empty() ? "true" : "false"));
    if (auto const* const mqid = reply.if_contains("mqid")) {
        PROMISE(call && call->at("mqid") == *mqid);
    } else if (call) {
        PROMISE(!call->contains("mqid") || !error.empty());
    }
    if (!error.empty()) {
        auto const end = error.find("] ");
        PROMISE(error.front() == '[' && end > 4 && end < 8 && error.size() > end + 2);
        PROMISE(error.size() < 600);
        PROMISE(std::none_of(error.begin(), error.end(), [](char c) { return c >= 0 && c < ' '; }));
        // Nothing that a caller sends is a fault of ours.
        PROMISE(!error.starts_with("[500."));
    }
    for (auto const* const field : {"mqt", "mqs", "mqf", "mqid", "flag", "error_info"}) reply.erase(field);
    if (!error.empty()) reply["error_info"] = error;
    return reply;
}

bool has_fraction(json::value const& value)
{
    if (auto const* const object = value.if_object())
        return std::any_of(
            object->begin(), object->end(), [](auto const& each) { return has_fraction(each.value()); });
    if (auto const* const array = value.if_array())
        return std::any_of(array->begin(), array->end(), has_fraction);
    return value.is_double();
}

/// What a reply repeats of its call, whatever its own size.
std::size_t repeated(json::object const& call)
{
    std::size_t size = 0;
    for (auto const* const field : {"mqs", "mqf", "mqid"}) {
        if (auto const* const value = call.if_contains(field)) size += json::serialize(*value).size();
    }
    return size;
}

/// What was read says the same when it is sent as it was read.
void same_again(json::object call, json::object const& said)
{
    for (auto const& [field, value] : said) {
        if (has_fraction(value)) return; // the parser is not sure of its last digit
        call[field] = value;
    }
    auto const frame = answer(json::serialize(call), house().nobody, whole);
    PROMISE(opened(frame, &call) == said);
}

/// What a key's holder was let through with is his.
void within_rights(json::object const& said)
{
    auto const& key = house().keys.key();
    auto const ip = [&](json::value const& text) { PROMISE(key.may_touch(*Ip::parse(text.as_string()))); };
    if (auto const* const one = said.if_contains("agentip"); one && *one != "") ip(*one);
    if (auto const* const list = said.if_contains("agentiplist")) {
        for (auto const& each : list->as_array()) ip(each);
    }
    if (auto const* const app = said.if_contains("appname")) PROMISE(*app == "apptest" || *app == "");
    if (auto const* const ins = said.if_contains("ins"); ins && *ins != "")
        PROMISE(ins->at("app") == "apptest");
    PROMISE(!said.contains("ranges"));
}

} // namespace

FUZZ_TARGET(router)
{
    auto const frame = object_of(input);
    auto const* const call = frame ? &*frame : nullptr;
    auto const reply = answer(input, house().nobody, whole);
    auto const said = opened(reply, call);

    auto const bounded = answer(input, house().nobody, max_frame);
    PROMISE(bounded.size() <= std::max(max_frame + 4, (call ? repeated(*call) : 0) + 1000));
    PROMISE(bounded == reply || reply.size() > max_frame);
    (void)opened(bounded, call);
    if (!call) return;
    if (!said.contains("error_info")) same_again(*call, said);

    auto const by_key = opened(answer(input, house().known, whole), call);
    if (by_key.contains("error_info")) return;
    within_rights(by_key);
    PROMISE(by_key == said);
}
