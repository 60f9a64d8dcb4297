#include "agent/kept_contact.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <utility>

#include "elves/log.hpp"

namespace elves::agent {

namespace {

constexpr std::chrono::milliseconds longest_step{60'000};
/// Of the limit: a crash makes it shorter by as much.
constexpr int steps_a_limit = 10;

} // namespace

KeptContact::KeptContact(
    LoopExecutor loop, Clock& clock, Journal& journal, std::chrono::seconds without_server)
    : loop_(std::move(loop))
    , clock_(clock)
    , journal_(journal)
    , contact_(clock, without_server)
    , step_(std::min<std::chrono::milliseconds>(longest_step, without_server / steps_a_limit))
{
}

void KeptContact::start()
{
    if (auto const known = journal_.load_contact()) return contact_.set(*known);
    write();
}

void KeptContact::hear()
{
    bool const was_refused = !contact_.known().refused.empty();
    contact_.hear();
    bool const is_due = !written_ || clock_.steady() - *written_ >= step_;
    if (was_refused || is_due) write();
    changed();
}

void KeptContact::lose(std::chrono::milliseconds ago)
{
    contact_.lose(ago);
    write();
    changed();
}

void KeptContact::refuse(std::string why)
{
    bool const is_news = contact_.known().refused != why;
    contact_.refuse(std::move(why));
    if (is_news) write();
    changed();
}

void KeptContact::changed()
{
    if (on_change_) on_change_();
}

void KeptContact::write()
{
    written_ = clock_.steady();
    asio::co_spawn(loop_, journal_.put_contact(contact_.known()), [](std::exception_ptr failure) {
        // The next one may be written; until then a restart counts from an earlier time.
        if (failure) ELVES_LOG(warning, "the time of the last contact with a server is not in the journal");
    });
}

} // namespace elves::agent
