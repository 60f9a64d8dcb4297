#include "rpc/router.hpp"

#include "elves/json_fields.hpp"
#include "elves/log.hpp"
#include "elves/lower_case.hpp"
#include "elves/task_id.hpp"
#include "rpc/as_printed.hpp"
#include "rpc/call_counts.hpp"

namespace elves {

namespace {

constexpr std::size_t longest_name = 64;

/// Of a longer one no more than shows that it is too long.
std::string lower_name(std::string_view name) { return lower_case(name.substr(0, longest_name + 1)); }

/// What `find` has under `name`, whatever its case: nearly every caller writes it as it is listed.
template <class Find>
auto found_in_any_case(std::string_view name, Find const& find)
{
    auto const* const found = find(name);
    return found ? found : find(lower_name(name));
}

std::string quoted(std::string_view name) { return shown(name.substr(0, longest_name)); }

Outcome refused(Error const& error, Method const* method)
{
    Outcome outcome{{}, error.info(), error.code().text};
    if (method && method->when_refused) {
        auto reply = method->when_refused(error);
        outcome.fields = std::move(reply.fields());
        outcome.members = reply.members();
    }
    return outcome;
}

/// What went wrong here: the caller gets an id, the log the details under it.
Outcome broken(Method const* method, std::string const& what)
{
    auto const id = TaskId::random().text();
    ELVES_LOG(
        error, "internal error " << id << " in " << (method ? method->name : "the router") << ": " << what);
    return refused(Error(codes::internal, "internal error; the log has the details under " + id), method);
}

/// The key of a call, or else the one that its connection is bound to.
std::string shown_key(JsonValue const& call, Peer const& peer)
{
    auto const* const auth = call.find("auth");
    auto const* const key = auth && auth->is_object() ? auth->find("key") : nullptr;
    return key && key->is_string() ? std::string(key->string()) : peer.bound_key().key;
}

/// Whoever guesses at keys waits for his answer.
asio::awaitable<Outcome> refused_slowly(
    Authority& authority, std::shared_ptr<Peer> peer, std::string shown_key, Outcome outcome)
{
    co_await authority.wrong_try(std::move(peer), std::move(shown_key));
    co_return outcome;
}

/// The outcome of the exception that is being handled. The one place where errors become replies.
Outcome outcome_of_exception(Method const* method)
{
    try {
        throw;
    } catch (Error const& error) {
        return refused(error, method);
    } catch (std::exception const& problem) {
        return broken(method, problem.what());
    }
}

/// Judged by the key alone: whether there is something beyond it must not show.
bool is_cut(Method const& method, Caller const& caller)
{
    if (!caller.key) return false;
    return (method.is_cut_by_ip && !caller.key->has_all_ips()) ||
           (method.is_cut_by_app && !caller.key->has_all_apps());
}

Outcome answer(Reply&& reply, bool cut)
{
    if (cut) reply.fields()["left_out"] = "true";
    return {std::move(reply.fields()), {}, {}, reply.members()};
}

/// A call that waits: what is left to do when it has its reply.
struct Waiting {
    Method const* method;
    bool is_cut;
    std::shared_ptr<AuditRow> row; ///< Null for none.
    CallCounts* counts;            ///< Null: counted nowhere.
    std::string_view service;
    Clock::Steady begun;

    void end(std::string_view code) const
    {
        if (counts) counts->add(service, method, code, begun);
        if (row) row->over(code);
    }
};

asio::awaitable<Outcome> finished(asio::awaitable<Reply> work, Waiting waiting)
{
    Outcome outcome;
    try {
        auto reply = co_await std::move(work);
        outcome = answer(std::move(reply), waiting.is_cut);
    } catch (...) {
        outcome = outcome_of_exception(waiting.method);
    }
    waiting.end(outcome.code);
    co_return outcome;
}

Outcome outcome_of(std::exception_ptr const& failure, Reply& reply, Waiting const& waiting)
{
    if (!failure) return answer(std::move(reply), waiting.is_cut);
    try {
        std::rethrow_exception(failure);
    } catch (...) {
        return outcome_of_exception(waiting.method);
    }
}

Later<Outcome> finished(Later<Reply> const& work, Waiting waiting)
{
    Later<Outcome> later;
    work.then([later, waiting = std::move(waiting)](std::exception_ptr const& failure, Reply& reply) {
        auto outcome = outcome_of(failure, reply, waiting);
        waiting.end(outcome.code);
        later.set(std::move(outcome));
    });
    return later;
}

} // namespace

void Router::add(std::string service, MethodTable const& table) { services_[std::move(service)] = &table; }

void Router::add_disabled(std::string service) { services_.emplace(std::move(service), nullptr); }

bool Router::is_stranger(Peer const& peer) const
{
    return !peer.certified() && !gate_.admits_without_key(peer) && !gate_.is_bound_to_key(peer);
}

/// Returns its refusal, as the gate does: throwing costs more than all the rest of a refused call, and
/// whoever has no key can have as many of those as he likes.
std::variant<Router::Found, Error> Router::find(Envelope const& envelope, JsonValue const& call) const
{
    if (envelope.mqs.empty())
        return Error(codes::no_service, "`mqs` is missing or no string; give the service's name");
    auto const* const found = found_in_any_case(envelope.mqs, [this](std::string_view name) {
        auto const service = services_.find(name == "scheduler" ? "sheduler" : name);
        return service == services_.end() ? nullptr : &*service;
    });
    if (!found) {
        return Error(
            codes::no_service, "no service " + quoted(envelope.mqs) + "; elves.methods lists what there is");
    }
    if (!found->second) {
        return Error(
            codes::module_off, "the module " + found->first +
                                   " is not enabled; [modules] enabled in elves.conf would have to name it");
    }
    if (envelope.mqf.empty())
        return Error(codes::no_method, "`mqf` is missing or no string; give the method's name");
    auto const* const method = found_in_any_case(envelope.mqf,
        [&](std::string_view name) { return found->second->find(as_printed(found->first, name, call)); });
    if (!method) {
        auto const instead = found->second->instead_of(lower_name(envelope.mqf));
        return Error(codes::no_method, "no method " + quoted(envelope.mqf) + " in " + found->first + "; " +
                                           (instead.empty() ? "elves.methods lists what there is" : instead));
    }
    return Found{found->first, method};
}

std::shared_ptr<AuditRow> Router::row_of(
    Found const& found, JsonValue const& call, Caller const& caller, bool is_authorized) const
{
    if (!audit_ || !found.method) return nullptr;
    return audit_->row({found.service, *found.method, call, caller, is_authorized});
}

Router::Answer Router::run(
    Envelope const& envelope, JsonValue const& call, std::shared_ptr<Peer> const& peer) const
{
    std::variant<Found, Error> const found =
        envelope.fault ? std::variant<Found, Error>(*envelope.fault) : find(envelope, call);
    if (auto const* const error = std::get_if<Error>(&found)) {
        count({}, error->code().text);
        return refused(*error, nullptr);
    }
    return run_method(std::get<Found>(found), call, peer);
}

void Router::count(Found const& found, std::string_view code) const
{
    if (counts_) counts_->add(found.service, found.method, code);
}

Router::Answer Router::run_method(
    Found const& found, JsonValue const& call, std::shared_ptr<Peer> const& peer) const
{
    Caller caller{peer, nullptr};
    bool is_authorized = false;
    std::shared_ptr<AuditRow> row;
    auto const refuse = [&](Outcome outcome) -> Answer {
        if (!row) row = row_of(found, call, caller, is_authorized);
        if (row) row->over(outcome.code);
        count(found, outcome.code);
        bool const is_guess = outcome.code == codes::wrong_key.text && gate_.authority;
        if (is_guess)
            return refused_slowly(*gate_.authority, peer, shown_key(call, *peer), std::move(outcome));
        return outcome;
    };
    try {
        if (shut_) throw Error(codes::shutting_down, "the server is shutting down; try again in a moment");
        caller.key = gate_.authenticate(*peer, call, found.method->right);
        // Whether the key that a login bound still counts is looked up where it matters.
        if (caller.key && caller.key->key != peer->bound_key().key) peer->grant_authority();
        if (auto const error = gate_.authorize(caller, *found.method))
            return refuse(refused(*error, found.method));
        is_authorized = true;
        // What waits is denied only later, where nothing is left of `call`.
        if (found.method->audited != Audited::nothing || !found.method->answers_at_once)
            caller.audit = row = row_of(found, call, caller, true);
        auto result = found.method->run(call, caller);
        auto const cut = is_cut(*found.method, caller);
        if (auto* const reply = std::get_if<Reply>(&result)) {
            if (row) row->over("");
            count(found, "");
            return answer(std::move(*reply), cut);
        }
        Waiting waiting{found.method, cut, std::move(row), counts_, found.service,
            counts_ ? counts_->now() : Clock::Steady()};
        if (auto* const later = std::get_if<Later<Reply>>(&result))
            return finished(*later, std::move(waiting));
        return finished(std::get<asio::awaitable<Reply>>(std::move(result)), std::move(waiting));
    } catch (...) {
        return refuse(outcome_of_exception(found.method));
    }
}

asio::awaitable<Outcome> outcome_of(Router::Answer answer)
{
    if (auto* const outcome = std::get_if<Outcome>(&answer)) co_return std::move(*outcome);
    if (auto* const later = std::get_if<Later<Outcome>>(&answer)) {
        auto work = wait_for(std::move(*later));
        co_return co_await std::move(work);
    }
    auto work = std::get<asio::awaitable<Outcome>>(std::move(answer));
    co_return co_await std::move(work);
}

} // namespace elves
