#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "elves/module.hpp"
#include "support/json_of.hpp"

namespace elves {

/// Calls a module's methods as the router does: by name, with JSON fields, as some caller.
class ModuleDriver {
public:
    /// A call that may still be waiting for its answer.
    class Pending {
    public:
        [[nodiscard]] bool done() const { return state_->done; }
        /// The answer's fields. Throws what the method threw.
        [[nodiscard]] json::object fields() const
        {
            if (!state_->done) throw std::logic_error("the method has not answered yet");
            if (state_->failure) std::rethrow_exception(state_->failure);
            return state_->fields;
        }

    private:
        friend class ModuleDriver;
        struct State {
            bool done = false;
            std::exception_ptr failure;
            json::object fields;
        };
        std::shared_ptr<State> state_ = std::make_shared<State>();
    };

    ModuleDriver(Module& module, asio::io_context& loop) : loop_(loop) { module.declare(table); }

    /// Starts the call and runs the loop as long as there is something to do.
    Pending begin(std::string_view method, json::object const& fields, Caller caller = {})
    {
        Pending pending;
        auto& state = *pending.state_;
        auto const* const found = table.find(method);
        if (!found) throw std::logic_error("no method " + std::string(method));
        try {
            auto answer = found->run(json_of(fields).root(), caller);
            if (auto* const reply = std::get_if<Reply>(&answer)) {
                state.fields = std::move(reply->fields());
                state.done = true;
            } else {
                asio::co_spawn(loop_, reply_of(std::move(answer)),
                    [keep = pending.state_](std::exception_ptr failure, Reply later) {
                        keep->failure = std::move(failure);
                        keep->fields = std::move(later.fields());
                        keep->done = true;
                    });
            }
        } catch (...) {
            state.failure = std::current_exception();
            state.done = true;
        }
        run();
        return pending;
    }
    /// The answer's fields. Throws what the method threw.
    json::object call(std::string_view method, json::object const& fields = {}, Caller caller = {})
    {
        return begin(method, fields, std::move(caller)).fields();
    }
    /// The `[CODE] text` that refuses the call; "" where it was not refused.
    std::string refusal(std::string_view method, json::object const& fields = {}, Caller caller = {})
    {
        try {
            call(method, fields, std::move(caller));
            return "";
        } catch (Error const& error) {
            return error.info();
        }
    }
    void run()
    {
        loop_.restart();
        loop_.poll();
    }

    MethodTable table;

private:
    asio::io_context& loop_;
};

} // namespace elves
