#include "agent/app_folders.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/app_manifest.hpp"
#include "core/trusted_path.hpp"
#include "elves/log.hpp"
#include "elves/sha256.hpp"
#include "package/pack.hpp"

namespace elves::agent {

namespace fs = std::filesystem;

namespace {

constexpr mode_t own_mode = 0700;
constexpr mode_t app_mode = 0755;
constexpr std::chrono::milliseconds lock_pause{20};

[[noreturn]] void fail(std::string const& what)
{
    throw std::runtime_error(what + ": " + std::generic_category().message(errno));
}

std::optional<ino_t> inode_of(fs::path const& path)
{
    struct stat about {};
    if (::lstat(path.c_str(), &about) != 0) return std::nullopt;
    return about.st_ino;
}

bool is_there(fs::path const& path) { return inode_of(path).has_value(); }

void move(fs::path const& from, fs::path const& to)
{
    if (::rename(from.c_str(), to.c_str()) != 0) fail(from.string() + " can't be renamed to " + to.string());
}

void make_folder(fs::path const& folder, mode_t mode)
{
    if (::mkdir(folder.c_str(), mode) != 0 && errno != EEXIST) fail("the folder " + folder.string());
}

OwnedFd open_folder(fs::path const& folder)
{
    return OwnedFd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), folder.c_str());
}

/// What a rename in that folder did survives a crash.
void sync_folder(fs::path const& folder)
{
    auto const fd = open_folder(folder);
    if (::fsync(fd.get()) != 0) fail("the folder " + folder.string() + " can't be synced");
}

/// All that was written on the folder's file system: one call, where each file of a package would take its
/// own.
void sync_files(fs::path const& folder)
{
    auto const fd = open_folder(folder);
    if (::syncfs(fd.get()) != 0) fail("the files of " + folder.string() + " can't be synced");
}

std::string first_word(fs::path const& file)
{
    std::ifstream input(file);
    std::string word;
    input >> word;
    return word.substr(0, 256);
}

std::string deployed_text(Deployment const& deployment)
{
    return deployment.version + " " + deployment.sha256 + "\n";
}

std::string content(fs::path const& file)
{
    constexpr std::size_t most = 256;
    std::ifstream input(file, std::ios::binary);
    std::string text(most, '\0');
    input.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(input.gcount()));
    return text;
}

void write_file(fs::path const& file, std::string const& text)
{
    constexpr mode_t file_mode = 0644;
    OwnedFd const fd(
        ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, file_mode), file.c_str());
    if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        fail(file.string() + " can't be written");
}

/// What is on disk is what counts, not what was received.
void check_package(Deployment const& deployment, fs::path const& package)
{
    std::ifstream input(package, std::ios::binary);
    std::array<char, 65'536> buffer{};
    std::int64_t size = 0;
    Sha256 sha256;
    sha256.begin();
    while (input.read(buffer.data(), buffer.size()) || input.gcount() > 0) {
        size += input.gcount();
        sha256.add({buffer.data(), static_cast<std::size_t>(input.gcount())});
    }
    if (size != deployment.size)
        throw std::runtime_error("the package has " + std::to_string(size) + " bytes; expected " +
                                 std::to_string(deployment.size));
    auto const found = sha256.end();
    if (found != deployment.sha256)
        throw std::runtime_error("the package has the SHA-256 " + found + "; expected " + deployment.sha256 +
                                 ": it was changed on the server or on its way");
}

/// What the agent asks of an app's folder before it starts a worker, and that it is the version it is said to
/// be.
void check_content(Deployment const& deployment, fs::path const& folder)
{
    auto const version = first_word(folder / version_file);
    if (version != deployment.version)
        throw std::runtime_error(
            "the package's VERSION file says \"" + version + "\"; expected \"" + deployment.version + "\"");
    static_cast<void>(AppManifest::read(folder));
    if (auto const fault = untrusted(folder, ::geteuid())) throw std::runtime_error(*fault);
}

/// Removes a folder unless it is released: what a failed deployment has left.
class Staged {
public:
    explicit Staged(fs::path path) : path_(std::move(path)) {}
    Staged(Staged const&) = delete;
    Staged& operator=(Staged const&) = delete;
    ~Staged()
    {
        std::error_code ignored;
        if (!is_released_) fs::remove_all(path_, ignored);
    }
    [[nodiscard]] fs::path const& path() const noexcept { return path_; }
    /// Gives it a name by its inode.
    void name_by_inode(std::string const& app)
    {
        auto named = path_.parent_path() / (app + "." + std::to_string(inode_of(path_).value_or(0)));
        move(path_, named);
        path_ = std::move(named);
    }
    void release() noexcept { is_released_ = true; }

private:
    fs::path path_;
    bool is_released_ = false;
};

/// `NAME.INODE`: the app, and the inode; nothing where it is called otherwise.
struct StagedName {
    std::string app;
    std::string inode;
};

std::optional<StagedName> parse_staged(fs::path const& folder)
{
    auto const name = folder.filename().string();
    auto const dot = name.rfind('.');
    if (dot == std::string::npos || dot == 0 || dot + 1 == name.size()) return std::nullopt;
    auto inode = name.substr(dot + 1);
    if (inode.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
    return StagedName{name.substr(0, dot), std::move(inode)};
}

std::vector<fs::path> entries_of(fs::path const& folder)
{
    std::vector<fs::path> entries;
    std::error_code failure;
    for (fs::directory_iterator at(folder, failure), end; !failure && at != end; at.increment(failure))
        entries.push_back(at->path());
    return entries;
}

} // namespace

AppFolders::AppFolders(fs::path apps)
    : apps_(std::move(apps))
    , fetched_(apps_ / ".deploy" / "fetched")
    , forward_(apps_ / ".deploy" / "forward")
    , back_(apps_ / ".deploy" / "back")
    , previous_(apps_ / ".deploy" / "previous")
    , trash_(apps_ / ".deploy" / "trash")
{
}

fs::path AppFolders::package_file(std::string const& task) const { return fetched_ / task; }

OwnedFd AppFolders::lock(std::chrono::milliseconds patience) const
{
    make_folder(apps_ / ".deploy", own_mode);
    for (auto const& folder : {fetched_, forward_, back_, previous_, trash_}) make_folder(folder, own_mode);
    auto const file = apps_ / ".deploy" / "lock";
    OwnedFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, own_mode), file.c_str());
    auto const until = std::chrono::steady_clock::now() + patience;
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) fail("the lock " + file.string());
        if (std::chrono::steady_clock::now() > until)
            throw std::runtime_error("another process deploys into " + apps_.string() +
                                     "; give each agent an apps folder of its own");
        std::this_thread::sleep_for(lock_pause);
    }
    return fd;
}

void AppFolders::recover() const noexcept
{
    auto const each = [](fs::path const& folder, auto const& then) {
        for (auto const& entry : entries_of(folder)) {
            try {
                then(entry);
            } catch (std::exception const& problem) {
                ELVES_LOG(
                    error, "deploy.not_recovered folder=" << entry.string() << " error=" << problem.what());
            }
        }
    };
    try {
        constexpr std::chrono::seconds patience(10);
        auto const held = lock(patience);
        each(forward_, [this](fs::path const& entry) { recover_forward(entry); });
        each(back_, [this](fs::path const& entry) { recover_back(entry); });
        each(fetched_, [](fs::path const& entry) { fs::remove_all(entry); });
        each(trash_, [](fs::path const& entry) { fs::remove_all(entry); });
    } catch (std::exception const& problem) {
        ELVES_LOG(error, "deploy.not_recovered folder=" << apps_.string() << " error=" << problem.what());
    }
}

/// The new one, which was not switched to; or the old one, which was switched from.
void AppFolders::recover_forward(fs::path const& folder) const
{
    auto const name = parse_staged(folder);
    auto const inode = inode_of(folder);
    if (!name || !inode || std::to_string(*inode) == name->inode) {
        fs::remove_all(folder);
        return;
    }
    keep_as_previous(folder, name->app);
}

/// The old one, which was not switched to; or the new one, which was switched from.
void AppFolders::recover_back(fs::path const& folder) const
{
    auto const name = parse_staged(folder);
    auto const inode = inode_of(folder);
    bool const is_old = name && inode && std::to_string(*inode) == name->inode;
    if (is_old && !is_there(previous_ / name->app)) return move(folder, previous_ / name->app);
    fs::remove_all(folder);
}

bool AppFolders::is_deployed(Deployment const& deployment) const
{
    return content(apps_ / deployment.app / deployed_file) == deployed_text(deployment);
}

std::string AppFolders::version_of(std::string const& app) const
{
    return first_word(apps_ / app / version_file);
}

/// Behind it `staged` is what was the app's folder, if there was one.
void AppFolders::exchange(fs::path const& staged, std::string const& app) const
{
    auto const place = apps_ / app;
    bool const is_first = !is_there(place);
    auto const how = is_first ? RENAME_NOREPLACE : RENAME_EXCHANGE;
    if (::renameat2(AT_FDCWD, staged.c_str(), AT_FDCWD, place.c_str(), how) != 0)
        fail("the new folder can't be put in the place of " + place.string());
    sync_folder(apps_);
    sync_folder(staged.parent_path());
}

void AppFolders::remove(fs::path const& folder) const
{
    if (!is_there(folder)) return;
    // At once out of the way, and then piece by piece.
    auto const doomed = trash_ / (folder.filename().string() + "." + std::to_string(::getpid()));
    move(folder, doomed);
    fs::remove_all(doomed);
}

void AppFolders::keep_as_previous(fs::path const& folder, std::string const& app) const
{
    remove(previous_ / app);
    move(folder, previous_ / app);
    sync_folder(previous_);
}

std::string AppFolders::install(
    Deployment const& deployment, fs::path const& package, UnpackLimits limits) const
{
    check_package(deployment, package);
    Staged staged(forward_ / (deployment.app + ".new"));
    fs::remove_all(staged.path());
    make_folder(staged.path(), app_mode);
    staged.name_by_inode(deployment.app);
    unpack(package, staged.path(), limits);
    write_file(staged.path() / deployed_file, deployed_text(deployment));
    check_content(deployment, staged.path());
    sync_files(staged.path());
    auto const before = version_of(deployment.app);
    bool const is_first = !is_there(apps_ / deployment.app);
    exchange(staged.path(), deployment.app);
    staged.release();
    auto const done = deployment.app + " " + deployment.version + " is deployed";
    if (is_first) return done;
    keep_as_previous(staged.path(), deployment.app);
    return done + ", in the place of " + (before.empty() ? "one without a version" : before);
}

std::string AppFolders::roll_back(std::string const& app) const
{
    auto const old = previous_ / app;
    auto const inode = inode_of(old);
    if (!inode)
        throw std::runtime_error("there is no version before the present one of the app \"" + app +
                                 "\" on this host; deploy the one you want");
    auto const from = version_of(app);
    auto const staged = back_ / (app + "." + std::to_string(*inode));
    move(old, staged);
    try {
        exchange(staged, app);
    } catch (...) {
        recover_back(staged);
        throw;
    }
    remove(staged);
    auto const to = version_of(app);
    auto const named = [](std::string const& version) {
        return version.empty() ? std::string("one without a version") : version;
    };
    return app + " is rolled back to " + named(to) + (from.empty() ? "" : " from " + from);
}

} // namespace elves::agent
