#include "agent/deployer.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "agent/deploy_step.hpp"
#include "agent/registration.hpp"
#include "core/ed25519.hpp"
#include "elves/base64.hpp"
#include "elves/error.hpp"
#include "elves/log.hpp"

namespace elves::agent {

namespace {

using namespace std::chrono_literals;

/// Of one deployment: what the server has to hold for a slow link is bounded by it.
constexpr std::size_t pieces_in_flight = 3;
constexpr std::chrono::milliseconds answer_limit = 30s;
constexpr std::chrono::milliseconds retry_pause = 1s;
constexpr std::chrono::milliseconds link_pause = 1s;
constexpr std::chrono::seconds default_timeout = 90s;

/// The server may have what was asked for a moment later.
bool may_pass(std::string_view error_info)
{
    return error_info.starts_with("[429.") || error_info.starts_with("[503.") ||
           error_info.starts_with("[507.");
}

OwnedFd create_file(std::filesystem::path const& file)
{
    constexpr mode_t own_mode = 0600;
    return OwnedFd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, own_mode),
        "the package's file");
}

void write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        auto const count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0)
            throw std::runtime_error(
                "the package can't be written to the apps folder: " + std::generic_category().message(errno));
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

} // namespace

Deployer::Deployer(House house, std::filesystem::path apps, DeploySettings settings)
    : house_(std::move(house))
    , apps_(std::move(apps))
    , settings_(std::move(settings))
    , folders_(apps_)
    , files_(house_.loop, house_.clock)
{
}

void Deployer::recover()
{
    if (settings_.accept) folders_.recover();
}

void Deployer::link_up(std::shared_ptr<Peer> server)
{
    server_ = std::move(server);
    for (auto& waiter : std::exchange(link_waiters_, {})) waiter.set(true);
}

void Deployer::run(TaskId id, Instruction const& ins, OnOutput on_output, OnDone on_done)
{
    if (ins.app != own_app) return house_.others.run(id, ins, std::move(on_output), std::move(on_done));
    auto const job = std::make_shared<Job>();
    job->id = id;
    job->ins = ins;
    job->on_done = std::move(on_done);
    job->started = house_.clock.steady();
    jobs_.emplace(id, job);
    auto const timeout = ins.timeout.count() > 0 ? ins.timeout : default_timeout;
    job->timer = house_.clock.after(timeout, [this, weak = std::weak_ptr(job), timeout] {
        auto const late = weak.lock();
        if (late && !late->is_child)
            give_up(late, "ran out of time after " + std::to_string(timeout.count()) +
                              " s, while the package was fetched");
    });
    spawn(deploy(job));
}

void Deployer::cancel(TaskId id)
{
    auto const found = jobs_.find(id);
    if (found == jobs_.end()) return house_.others.cancel(id);
    if (found->second->is_child) {
        house_.runner.cancel(id);
    } else {
        give_up_later(found->second, "canceled");
    }
}

void Deployer::shutdown()
{
    for (auto const& [id, job] : jobs_) {
        if (!job->is_child) give_up_later(job, "the agent is shutting down");
    }
    house_.others.shutdown(); // The children of deployments, too: they are the Runner's.
}

asio::awaitable<void> Deployer::deploy(JobPtr job)
{
    // Not from within the call of `run`.
    co_await asio::post(house_.loop, asio::use_awaitable);
    if (job->is_over) co_return;
    std::string failure;
    try {
        job->deployment = Deployment::read(job->ins);
        require_allowed(job->deployment);
        auto const same = std::count_if(jobs_.begin(), jobs_.end(),
            [&](auto const& each) { return each.second->deployment.app == job->deployment.app; });
        if (same > 1)
            throw Error(codes::too_much,
                "another deployment of the app \"" + job->deployment.app + "\" has not ended on this host");
        if (job->ins.func == "deploy") {
            if (folders_.is_deployed(job->deployment)) {
                WorkerReport report;
                report.flag = 1;
                report.result = job->deployment.app + " " + job->deployment.version + " is there already";
                finish(job, std::move(report));
                co_return;
            }
            co_await fetch(job);
        }
    } catch (Error const& problem) {
        failure = problem.info();
    } catch (std::exception const& problem) {
        failure = problem.what();
    }
    if (job->is_over) co_return remove_package(job->id);
    if (!failure.empty()) co_return give_up(job, failure);
    start_child(job);
}

/// `accept`, and the agent's `allow`, were asked before the task was taken (RunRules).
void Deployer::require_allowed(Deployment const& deployment) const
{
    if (deployment.sha256.empty()) return; // A roll-back: the version was accepted before.
    if (deployment.size > settings_.max_size)
        throw Error(codes::forbidden, "the package has " + std::to_string(deployment.size) +
                                          " bytes; this agent takes at most " +
                                          std::to_string(settings_.max_size) + " ([deploy] max_size)");
    if (settings_.signers.empty()) return;
    if (deployment.signature.empty())
        throw Error(codes::forbidden,
            "the package is not signed, and this agent takes only those of its [deploy] "
            "signers; push it with --sign");
    auto const signature = from_base64(deployment.signature);
    bool const is_signed =
        signature &&
        std::any_of(settings_.signers.begin(), settings_.signers.end(),
            [&](std::string const& key) { return is_signed_by(key, deployment.signed_text(), *signature); });
    if (!is_signed)
        throw Error(codes::forbidden,
            "the package's signature is of none of this agent's [deploy] signers, or of "
            "another app, version or content");
}

std::int64_t Deployer::piece_bytes() const
{
    constexpr std::size_t envelope = 2 * 1024;
    auto const frame = house_.bounds.max_frame();
    auto const fits = frame > envelope ? (frame - envelope) / 4 * 3 : std::size_t{1};
    return static_cast<std::int64_t>(std::clamp<std::size_t>(fits, 1, package_piece_bytes));
}

asio::awaitable<std::shared_ptr<Peer>> Deployer::wait_for_server(JobPtr job)
{
    while (!job->is_over && (!server_ || !server_->is_open())) {
        OneShot<bool> is_up;
        link_waiters_.push_back(is_up);
        co_await is_up.wait(house_.clock, link_pause);
        std::erase(link_waiters_, is_up);
    }
    co_return server_;
}

asio::awaitable<void> Deployer::fetch(JobPtr job)
{
    auto const& deployment = job->deployment;
    auto const file = std::make_shared<OwnedFd>();
    std::function<void()> create = [file, folders = folders_, id = job->id.text()] {
        static_cast<void>(folders.lock(1min));
        *file = create_file(folders.package_file(id));
    };
    co_await files_.run(std::move(create));
    std::deque<OneShot<Piece>> pieces;
    std::int64_t asked = 0;
    std::int64_t written = 0;
    while (written < deployment.size) {
        auto const server = co_await wait_for_server(job);
        if (job->is_over) co_return;
        while (pieces.size() < pieces_in_flight && asked < deployment.size) {
            auto const size = std::min(piece_bytes(), deployment.size - asked);
            json::object fields{
                {"app", deployment.app}, {"version", deployment.version}, {"offset", asked}, {"limit", size}};
            spawn(ask(server, std::move(fields), static_cast<std::size_t>(size), pieces.emplace_back()));
            asked += size;
        }
        auto next = pieces.front();
        pieces.pop_front();
        auto piece = co_await next.wait(house_.clock);
        if (job->is_over) co_return;
        if (!piece.refused.empty()) throw std::runtime_error(piece.refused);
        if (piece.should_retry) {
            // From what is here, over the link that there is then.
            pieces.clear();
            asked = written;
            co_await pause(house_.clock, retry_pause);
            continue;
        }
        written += static_cast<std::int64_t>(piece.bytes.size());
        std::function<void()> write = [file, bytes = std::move(piece.bytes)] {
            write_all(file->get(), bytes);
        };
        co_await files_.run(std::move(write));
    }
}

asio::awaitable<void> Deployer::ask(
    std::shared_ptr<Peer> server, json::object fields, std::size_t size, OneShot<Piece> piece)
{
    Piece got;
    try {
        auto const back = co_await server->call("apps", "readpiece", fields, answer_limit);
        auto const* const data = back.fields.find("data");
        auto bytes = data && data->is_string() ? from_base64(data->string()) : std::nullopt;
        if (!back.flag) {
            got.should_retry = may_pass(back.error_info);
            if (!got.should_retry) got.refused = "the server does not give the package: " + back.error_info;
        } else if (!bytes || bytes->size() != size) {
            got.refused = "the server gave another piece of the package than was asked for";
        } else {
            got.bytes = std::move(*bytes);
        }
    } catch (Error const&) {
        got.should_retry = true;
    }
    piece.set(std::move(got));
}

void Deployer::start_child(JobPtr const& job)
{
    job->is_child = true;
    job->timer.stop();
    bool const is_back = job->ins.func == "rollback";
    DeployStep const step{apps_, is_back ? std::filesystem::path() : folders_.package_file(job->id.text()),
        job->deployment, settings_.max_unpacked()};
    auto ins = job->ins;
    // What the fetching took is gone.
    auto const timeout = ins.timeout.count() > 0 ? ins.timeout : default_timeout;
    auto const used = std::chrono::floor<std::chrono::seconds>(house_.clock.steady() - job->started);
    ins.timeout = std::max(timeout - used, std::chrono::seconds(1));
    house_.runner.run_command(job->id, std::move(ins), step.command(),
        [this, job](WorkerResult result) { child_ended(job, std::move(result)); });
}

void Deployer::child_ended(JobPtr const& job, WorkerResult result)
{
    // Whatever it said: it may have been killed behind the switch.
    tell_apps();
    remove_package(job->id);
    WorkerReport report;
    report.flag = result.flag;
    report.result = std::move(result.result);
    finish(job, std::move(report));
}

void Deployer::finish(JobPtr const& job, WorkerReport report)
{
    job->is_over = true;
    job->timer.stop();
    report.costtime =
        std::chrono::duration_cast<std::chrono::milliseconds>(house_.clock.steady() - job->started);
    jobs_.erase(job->id);
    ELVES_LOG(info, "deploy.ended task=" << job->id.text() << " func=" << job->ins.func
                                         << " app=" << job->deployment.app << " flag=" << report.flag << ": "
                                         << report.result);
    job->on_done(std::move(report));
}

/// While it is fetched.
void Deployer::give_up(JobPtr const& job, std::string const& why)
{
    if (job->is_over) return;
    remove_package(job->id);
    WorkerReport report;
    report.result = why;
    finish(job, std::move(report));
}

void Deployer::give_up_later(JobPtr const& job, std::string why)
{
    asio::post(house_.loop, [this, job, text = std::move(why)] {
        if (!job->is_child) give_up(job, text);
    });
}

void Deployer::remove_package(TaskId id)
{
    if (!settings_.accept) return;
    spawn(files_.run([file = folders_.package_file(id.text())] { ::unlink(file.c_str()); }));
}

/// The server's picture of this machine, on which targets such as `app.nginx<1.24` stand.
void Deployer::tell_apps()
{
    if (server_ && server_->is_open()) server_->cast("heartbeat", "beat", {{"apps", installed_apps(apps_)}});
}

void Deployer::spawn(asio::awaitable<void> work)
{
    asio::co_spawn(house_.loop, std::move(work), [](std::exception_ptr escaped) {
        try {
            if (escaped) std::rethrow_exception(escaped);
        } catch (std::exception const& problem) {
            ELVES_LOG(error, "deploy.failed error=" << problem.what());
        }
    });
}

} // namespace elves::agent
