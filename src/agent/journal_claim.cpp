#include "agent/journal_claim.hpp"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <cstring>
#include <fstream>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <utility>

#include "elves/error.hpp"
#include "elves/log.hpp"
#include "elves/secret.hpp"

namespace elves::agent {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds look_every = 2s;
constexpr std::chrono::milliseconds longest_wait = 10s;

} // namespace

JournalClaim::JournalClaim(LoopExecutor loop, Clock& clock, Journal& journal, Here here)
    : loop_(std::move(loop)), clock_(clock), journal_(journal), here_(std::move(here))
{
}

JournalClaim::State JournalClaim::compare(Owner const& owner, Here const& here)
{
    bool const is_known = !owner.machine.empty() && !here.machine.empty();
    if (is_known && owner.machine != here.machine) return State::foreign;
    if (owner.address.empty()) return State::ours;
    if (here.address) return owner.address == here.address->text() ? State::ours : State::foreign;
    auto const address = Ip::parse(owner.address);
    return address && here.has_address(*address) ? State::ours : State::waiting;
}

void JournalClaim::open(std::optional<Owner> owner, std::function<void(bool)> start)
{
    start_ = std::move(start);
    Owner const here{here_.machine, here_.address ? here_.address->text() : std::string()};
    if (!owner) journal_.put_owner_at_start(here);
    owner_ = owner.value_or(here);
    state_ = compare(owner_, here_);
    if (state_ == State::ours) return become_ours(false);
    if (state_ == State::foreign) return log_foreign();
    ELVES_LOG(warning, "journal.waiting file="
                           << here_.file << " journal_address=" << owner_.address
                           << ": this machine does not have that address now; what is in the journal runs "
                              "once it has, or a server has registered this machine");
    watch_addresses();
}

void JournalClaim::log_foreign() const
{
    bool const is_other_machine = !owner_.machine.empty() && owner_.machine != here_.machine;
    ELVES_LOG(error,
        "journal.foreign file="
            << here_.file << " journal_address=" << (owner_.address.empty() ? "-" : owner_.address)
            << " address=" << (here_.address ? here_.address->text() : "-")
            << " other_machine=" << (is_other_machine && !here_.machine.empty() ? "true" : "false")
            << ": this journal is of another machine or address; nothing of it runs here. If this machine "
               "has a new address, or is the old one's successor: accept it on the server (elvesctl agents "
               "--pending, accept), and it goes on with an empty journal. If it is a copy of another "
               "machine: stop the agent, delete this file and the agent's key_file, and start it. If [agent] "
               "ip is wrong: correct it");
}

void JournalClaim::watch_addresses()
{
    watching_ = clock_.after(look_every, [this] {
        if (state_ != State::waiting) return;
        if (compare(owner_, here_) != State::ours) return watch_addresses();
        ELVES_LOG(info, "journal.address_is_here address=" << owner_.address);
        become_ours(false);
    });
}

void JournalClaim::become_ours(bool is_emptied)
{
    state_ = State::ours;
    start_(is_emptied);
    for (auto& waiter : std::exchange(waiters_, {})) waiter.set(true);
}

bool JournalClaim::is_of(Ip const& address) const
{
    return state_ == State::ours && owner_ == Owner{here_.machine, address.text()};
}

asio::awaitable<void> JournalClaim::claim(Ip address, std::optional<Instant> server_now)
{
    Owner const now{here_.machine, address.text()};
    if (is_of(address)) co_return;
    if (state_ == State::ours) {
        co_await journal_.put_owner(now);
        owner_ = now;
        co_return;
    }
    if (state_ == State::waiting && owner_.address == now.address) {
        become_ours(false);
        co_return;
    }
    auto const dropped = co_await journal_.empty_for(now, server_now);
    ELVES_LOG(warning,
        "journal.claimed file=" << here_.file << " address=" << now.address << " before=" << owner_.address
                                << " dropped_tasks=" << dropped.tasks << " dropped_jobs=" << dropped.jobs
                                << ": a server has registered this machine");
    owner_ = now;
    become_ours(true);
}

asio::awaitable<void> JournalClaim::wait_until_ours()
{
    if (is_ours()) co_return;
    auto mine = waiters_.emplace_back();
    auto const is_open = co_await mine.wait(clock_, longest_wait);
    if (is_open) co_return;
    std::erase(waiters_, mine);
    throw Error(
        codes::store_cannot_write, "the agent's journal is of another machine or address; see its log");
}

std::string machine_mark()
{
    for (auto const* const path : {"/etc/machine-id", "/var/lib/dbus/machine-id"}) {
        std::ifstream file(path);
        std::string id;
        // Not the id itself: it is a secret of its machine, see machine-id(5).
        if (file >> id && id != "uninitialized") return sha256_hex("elves-agent journal " + id);
    }
    return {};
}

bool is_own_address(Ip const& ip)
{
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) != 0) return false;
    bool is_found = false;
    for (auto const* at = all; at != nullptr && !is_found; at = at->ifa_next) {
        if (at->ifa_addr == nullptr) continue;
        if (at->ifa_addr->sa_family == AF_INET) {
            sockaddr_in v4{};
            std::memcpy(&v4, at->ifa_addr, sizeof v4);
            std::array<std::uint8_t, 4> bytes{};
            std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
            // All of 127.0.0.0/8 is this machine's.
            is_found = Ip::of_v4(bytes) == ip || (bytes[0] == 127 && ip.is_v4() && ip.is_loopback());
        } else if (at->ifa_addr->sa_family == AF_INET6) {
            sockaddr_in6 v6{};
            std::memcpy(&v6, at->ifa_addr, sizeof v6);
            std::array<std::uint8_t, 16> bytes{};
            std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
            is_found = Ip::of_v6(bytes) == ip;
        }
    }
    ::freeifaddrs(all);
    return is_found;
}

} // namespace elves::agent
