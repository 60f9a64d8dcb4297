#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "elves/host.hpp"
#include "elves/services/app_directory.hpp"
#include "elves/services/authority.hpp"
#include "fake_peer.hpp"
#include "inline_store.hpp"
#include "module_driver.hpp"
#include "unit/manual_clock.hpp"

namespace elves {

std::unique_ptr<Module> make_supervisor(Host& host);

/// The code of the Error that `what` throws; "" where it throws none.
[[nodiscard]] inline std::string code_of(std::function<void()> const& what)
{
    try {
        what();
        return "";
    } catch (Error const& error) {
        return std::string(error.code().text);
    }
}

/// Supervisor in a house of its own, and somebody who asks from 192.0.2.7.
struct Office {
    asio::io_context loop;
    ManualClock clock;
    InlineStore store{loop.get_executor()};
    Host host{loop.get_executor(), clock, store, Zone()};
    std::unique_ptr<Module> module = make_supervisor(host);
    ModuleDriver driver{*module, loop};
    Authority& authority = *host.find<Authority>();
    AppDirectory& directory = *host.find<AppDirectory>();
    std::shared_ptr<FakePeer> peer = std::make_shared<FakePeer>(loop.get_executor(), clock, "192.0.2.7");

    Office() { module->start(); }
    json::object call(
        std::string_view method, json::object const& fields = {}, std::shared_ptr<Key const> key = {})
    {
        return driver.call(method, fields, {peer, std::move(key)});
    }
    std::string refusal(
        std::string_view method, json::object const& fields = {}, std::shared_ptr<Key const> key = {})
    {
        return driver.refusal(method, fields, {peer, std::move(key)});
    }
    struct Made {
        std::string key;
        std::string token;
    };
    Made make(
        json::object const& fields = {{"role", "operator"}, {"apps", {"*"}}, {"iplist", {"10.0.0.0/8"}}})
    {
        auto const reply = call("setkey", fields);
        return {std::string(reply.at("key").as_string()), std::string(reply.at("token").as_string())};
    }
    /// Without `quota` and `usage`.
    json::object auth(std::string const& key)
    {
        auto fields = call("getauthbykey", {{"key", key}}).at("auth").as_object();
        fields.erase("quota");
        fields.erase("usage");
        return fields;
    }
    /// A member of `quota`.
    std::string quota(std::string const& key, std::string_view member)
    {
        auto const reply = call("getauthbykey", {{"key", key}});
        return std::string(reply.at("auth").at("quota").at(member).as_string());
    }
    /// The status that `checkipauthbykey` tells, however long it takes.
    std::string check(std::string const& agent, std::string const& key, std::string const& token)
    {
        auto const pending = driver.begin(
            "checkipauthbykey", {{"agentip", agent}, {"key", key}, {"token", token}}, {peer, nullptr});
        pass(std::chrono::seconds(2));
        return std::string(pending.fields().at("status").as_string());
    }
    /// What refuses `login`, however long it takes; "" where it is not refused.
    std::string login(std::string const& key, std::string const& token)
    {
        auto const pending = driver.begin("login", {{"key", key}, {"token", token}}, {peer, nullptr});
        pass(std::chrono::seconds(2));
        try {
            (void)pending.fields();
            return "";
        } catch (Error const& error) {
            return error.info();
        }
    }
    void pass(std::chrono::milliseconds time)
    {
        clock.advance(time);
        driver.run();
    }
    std::vector<std::string> names(std::string_view method, std::string_view list, std::string_view field,
        json::object const& fields = {}, std::shared_ptr<Key const> key = {})
    {
        std::vector<std::string> found;
        auto const reply = call(method, fields, std::move(key));
        for (auto const& entry : reply.at(list).as_array()) {
            found.emplace_back(entry.as_object().at(field).as_string());
        }
        return found;
    }
};

} // namespace elves
