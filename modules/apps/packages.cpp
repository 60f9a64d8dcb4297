#include "packages.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <set>

#include "elves/error.hpp"
#include "elves/json.hpp"
#include "elves/log.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds look_again = 1min;
constexpr std::chrono::milliseconds retry_pause = 5s;
/// Of 128 KiB each, in one transaction: others write, too.
constexpr std::int64_t pieces_at_once = 16;

/// The call itself names only an upload.
void show_in_audit(Caller const& caller, AppVersion const& version)
{
    if (!caller.audit) return;
    caller.audit->show(json::serialize(json::object{{"app", version.app}, {"version", version.version},
        {"size", std::to_string(version.size)}, {"sha256", version.sha256},
        {"signed", version.signature.empty() ? "false" : "true"}}));
}

} // namespace

Packages::Packages(Store& store, Clock& clock, LoopExecutor loop)
    : store_(store), clock_(clock), loop_(std::move(loop))
{
}

void Packages::start()
{
    std::vector<PackageRow> packages;
    store_.at_start([&](Db& db) {
        packages = package_records::packages(db);
        for (auto& version : package_records::versions(db)) {
            auto key = std::make_pair(version.app, version.version);
            versions_.insert_or_assign(std::move(key), std::move(version));
        }
    });
    for (auto const& package : packages) {
        last_package_ = std::max(last_package_, package.id);
        // Its upload ended with the server, or its deletion did.
        if (!package.is_complete) reclaim_soon(package.id);
    }
    drop_silent();
}

void Packages::stop()
{
    is_stopping_ = true;
    timer_.stop();
}

/// Uploads of which nothing is heard any more.
void Packages::drop_silent()
{
    std::vector<TaskId> silent;
    for (auto const& [id, upload] : uploads_) {
        if (clock_.steady() - upload->heard > longest_pause) silent.push_back(id);
    }
    for (auto const id : silent) {
        ELVES_LOG(info, "app.upload_dropped app=" << uploads_.at(id)->push.app
                                                  << " version=" << uploads_.at(id)->push.version
                                                  << ": nothing came for 10 minutes");
        drop(id);
    }
    timer_ = clock_.after(look_again, [this] { drop_silent(); });
}

void Packages::drop(TaskId id)
{
    auto const found = uploads_.find(id);
    if (found == uploads_.end()) return;
    auto const package = found->second->package;
    uploads_.erase(found);
    if (package != 0) reclaim_soon(package);
}

std::int64_t Packages::complete_package(std::string const& sha256) const
{
    auto const found = std::find_if(
        versions_.begin(), versions_.end(), [&](auto const& each) { return each.second.sha256 == sha256; });
    return found == versions_.end() ? 0 : found->second.package;
}

void Packages::require_room(Push const& push) const
{
    if (push.size > limits_.size)
        throw Error(codes::bad_field, "`size` is " + std::to_string(push.size) +
                                          "; this server takes at most " + std::to_string(limits_.size) +
                                          " bytes ([apps] max_size)");
    if (versions_.size() >= most_versions)
        throw Error(codes::too_much, "there are 10000 versions of apps; delete some (elvesctl app unpush)");
    if (uploads_.size() >= most_uploads)
        throw Error(codes::too_much, "64 uploads have not ended; try again in some minutes");
    auto total = push.size;
    std::set<std::int64_t> counted;
    for (auto const& [key, version] : versions_) {
        if (counted.insert(version.package).second) total += version.size;
    }
    for (auto const& [id, upload] : uploads_) total += upload->push.size;
    if (total > limits_.total)
        throw Error(codes::too_much, "all packages together would have " + std::to_string(total) +
                                         " bytes, more than [apps] max_total (" +
                                         std::to_string(limits_.total) +
                                         "); delete versions that are not needed (elvesctl app unpush)");
}

asio::awaitable<Packages::Begun> Packages::begin(Push push)
{
    auto const turn = co_await changes_.enter(clock_);
    auto const there = versions_.find(std::make_pair(push.app, push.version));
    if (there != versions_.end()) {
        auto const& version = there->second;
        if (version.sha256 == push.sha256 && version.signature == push.signature) co_return Begun{};
        throw Error(codes::wrong_state, "version " + push.version + " of app " + push.app +
                                            " was pushed with another content or signature (SHA-256 " +
                                            version.sha256 + "); give this one another version");
    }
    require_room(push);
    auto const upload = std::make_shared<Upload>();
    upload->push = std::move(push);
    upload->heard = clock_.steady();
    Begun begun{TaskId::random(), 0};
    if (complete_package(upload->push.sha256) != 0) {
        upload->received = begun.received = upload->push.size;
    } else {
        upload->package = ++last_package_;
        upload->sha256.begin();
        Store::Work write = [upload](Db& db) {
            package_records::insert_package(db, upload->package, upload->push.sha256, upload->push.size);
        };
        co_await store_.write(std::move(write));
    }
    uploads_.emplace(*begun.upload, upload);
    co_return begun;
}

Packages::UploadPtr Packages::upload_of(TaskId id, Caller const& caller) const
{
    auto const found = uploads_.find(id);
    if (found == uploads_.end())
        throw Error(
            codes::no_app, "there is no upload " + id.text() + " any more; begin again: `apps.beginpush`");
    caller.require_app(found->second->push.app);
    return found->second;
}

asio::awaitable<std::int64_t> Packages::add(TaskId id, std::int64_t place, std::string bytes, Caller caller)
{
    auto const upload = upload_of(id, caller);
    auto const turn = co_await upload->changes.enter(clock_);
    static_cast<void>(upload_of(id, caller)); // It may have gone meanwhile.
    if (place != upload->received)
        throw Error(codes::bad_field, "`offset` is " + std::to_string(place) + "; the next piece begins at " +
                                          std::to_string(upload->received));
    auto const size = static_cast<std::int64_t>(bytes.size());
    if (size > upload->push.size - place)
        throw Error(codes::bad_field,
            "`data` goes beyond the end: the package has " + std::to_string(upload->push.size) + " bytes");
    upload->heard = clock_.steady();
    auto const piece = std::make_shared<std::string const>(std::move(bytes));
    Store::Work write = [package = upload->package, place, piece](
                            Db& db) { package_records::insert_piece(db, package, place, *piece); };
    // Nobody relies on a single piece: it may share its commit.
    co_await store_.write_soon(std::move(write));
    upload->sha256.add(*piece);
    upload->received += size;
    upload->heard = clock_.steady();
    co_return upload->received;
}

asio::awaitable<AppVersion> Packages::end(TaskId id, Caller caller)
{
    auto const upload = upload_of(id, caller);
    auto const turn = co_await upload->changes.enter(clock_);
    static_cast<void>(upload_of(id, caller));
    auto const& push = upload->push;
    if (upload->received != push.size)
        throw Error(codes::bad_field, "`upload` " + id.text() + " has " + std::to_string(upload->received) +
                                          " of " + std::to_string(push.size) + " bytes; send the rest first");
    if (upload->package != 0) {
        auto const found = upload->sha256.end();
        if (found != push.sha256) {
            drop(id);
            throw Error(codes::bad_field, "`sha256` is " + push.sha256 + ", and what came has " + found +
                                              "; nothing was kept: push it again");
        }
    }
    AppVersion version{
        push.app, push.version, push.sha256, push.size, push.signature, caller.by(), clock_.now()};
    auto const all = co_await changes_.enter(clock_);
    if (versions_.contains(std::make_pair(push.app, push.version))) {
        drop(id);
        throw Error(codes::wrong_state,
            "version " + push.version + " of app " + push.app + " was pushed by another upload meanwhile");
    }
    version.package = complete_package(push.sha256);
    bool const is_new_package = version.package == 0;
    if (is_new_package && upload->package == 0) {
        drop(id);
        throw Error(codes::wrong_state, "the package was deleted meanwhile; push it again");
    }
    if (is_new_package) version.package = upload->package;
    try {
        co_await write_version(version, is_new_package, caller);
    } catch (...) {
        drop(id);
        throw;
    }
    if (is_new_package) upload->package = 0; // It is the version's now.
    versions_.insert_or_assign(std::make_pair(version.app, version.version), version);
    ELVES_LOG(info, "app.pushed app=" << version.app << " version=" << version.version
                                      << " size=" << version.size << " sha256=" << version.sha256
                                      << " by=" << (version.by.empty() ? "-" : version.by));
    drop(id);
    co_return version;
}

asio::awaitable<void> Packages::write_version(AppVersion version, bool is_new_package, Caller caller)
{
    auto const written = std::make_shared<AppVersion const>(std::move(version));
    Store::Work write = [written, is_new_package](Db& db) {
        if (is_new_package) package_records::set_complete(db, written->package, true);
        package_records::insert_version(db, *written);
    };
    show_in_audit(caller, *written);
    auto also = caller.also();
    write = together(std::move(write), std::move(also));
    co_await store_.write(std::move(write));
}

asio::awaitable<void> Packages::erase(std::string app, std::string version, Store::Work also)
{
    auto const turn = co_await changes_.enter(clock_);
    auto const gone = find(app, version);
    auto const users = std::count_if(versions_.begin(), versions_.end(),
        [&](auto const& each) { return each.second.package == gone.package; });
    bool const is_last = users == 1;
    Store::Work write = [gone, is_last](Db& db) {
        package_records::erase_version(db, gone.app, gone.version);
        if (is_last) package_records::set_complete(db, gone.package, false);
    };
    write = together(std::move(write), std::move(also));
    co_await store_.write(std::move(write));
    versions_.erase(std::make_pair(app, version));
    ELVES_LOG(info, "app.unpushed app=" << app << " version=" << version);
    if (is_last) reclaim_soon(gone.package);
}

AppVersion const& Packages::find(std::string const& app, std::string const& version) const
{
    auto const found = versions_.find(std::make_pair(app, version));
    if (found == versions_.end())
        throw Error(
            codes::no_app, "there is no version " + version + " of app " + app +
                               " on this server; push it (elvesctl app push), or see elvesctl app versions");
    return found->second;
}

asio::awaitable<std::string> Packages::read(AppVersion version, std::int64_t place, std::int64_t most)
{
    if (place < 0 || place >= version.size)
        throw Error(codes::bad_field, "`offset` is " + std::to_string(place) + "; the package has " +
                                          std::to_string(version.size) + " bytes");
    auto const wanted = std::min(most, version.size - place);
    std::function<std::string(Db&)> look = [package = version.package, place, wanted](Db& db) {
        return package_records::read(db, package, place, wanted);
    };
    // A scan: it takes longer than a look-up, and must not keep those waiting.
    auto bytes = co_await store_.scan(std::move(look));
    if (static_cast<std::int64_t>(bytes.size()) != wanted)
        throw Error(codes::internal, "the package of version " + version.version + " of app " + version.app +
                                         " is not whole; push it again under another version");
    co_return bytes;
}

void Packages::reclaim_soon(std::int64_t package) { asio::co_spawn(loop_, reclaim(package), asio::detached); }

/// Deletes the pieces, some at a time.
asio::awaitable<void> Packages::reclaim(std::int64_t package)
{
    bool is_done = false;
    while (!is_done && !is_stopping_) {
        bool has_failed = false;
        try {
            std::function<bool(Db&)> work = [package](Db& db) {
                return package_records::erase_pieces(db, package, pieces_at_once);
            };
            is_done = co_await store_.write_for(std::move(work));
        } catch (std::exception const& problem) {
            ELVES_LOG(warning, "app.package_not_erased package=" << package << " error=" << problem.what());
            has_failed = true;
        }
        if (has_failed) co_await pause(clock_, retry_pause);
    }
}

} // namespace elves
