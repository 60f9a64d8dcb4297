#include "agent/own_key.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/secret_file.hpp"
#include "elves/secret.hpp"

namespace elves::agent {

namespace {

constexpr mode_t for_the_owner_alone = 0600;

class File {
public:
    File(std::string const& path, int flags, mode_t mode = 0)
        : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode))
    {
    }
    ~File()
    {
        if (fd_ >= 0) ::close(fd_);
    }
    File(File const&) = delete;
    File& operator=(File const&) = delete;
    [[nodiscard]] int fd() const noexcept { return fd_; }

private:
    int fd_;
};

[[noreturn]] void fail(std::string const& path, std::string const& what)
{
    throw std::runtime_error("file " + path + ": " + what);
}

[[noreturn]] void fail_with_errno(std::string const& path)
{
    fail(path, std::string(std::strerror(errno)) + "; check folder and permissions, or name another file");
}

void write_all(std::string const& path, int fd, std::string_view text)
{
    while (!text.empty()) {
        auto const wrote = ::write(fd, text.data(), text.size());
        if (wrote < 0 && errno != EINTR) fail_with_errno(path);
        if (wrote > 0) text.remove_prefix(static_cast<std::size_t>(wrote));
    }
    if (::fsync(fd) != 0) fail_with_errno(path);
}

/// The line `number`, from 0; "" where there are fewer.
std::string line_of(std::vector<std::string> const& lines, std::size_t number)
{
    return number < lines.size() ? lines[number] : std::string();
}

/// On disk, under a name beside it: so that under its own there is all of it or nothing, whenever the machine
/// goes down.
std::string write_beside(std::string const& path, OwnKey const& key)
{
    auto begun = path + ".new";
    if (::unlink(begun.c_str()) != 0 && errno != ENOENT) fail_with_errno(begun);
    File const file(begun, O_WRONLY | O_CREAT | O_EXCL, for_the_owner_alone);
    if (file.fd() < 0) fail_with_errno(begun);
    auto text = key.token + "\n";
    if (!key.id.empty() || !key.pin.empty()) text += key.id + "\n";
    if (!key.pin.empty()) text += key.pin + "\n";
    write_all(begun, file.fd(), text);
    return begun;
}

void sync_folder_of(std::string const& path)
{
    auto const folder = std::filesystem::absolute(path).parent_path().string();
    File const place(folder, O_RDONLY | O_DIRECTORY);
    if (place.fd() < 0 || ::fsync(place.fd()) != 0) fail_with_errno(folder);
}

} // namespace

std::optional<OwnKey> read_own_key(std::string const& path)
{
    auto const lines = read_secret_file(path);
    if (!lines) return std::nullopt;
    // Filled in place: GCC 12 warns falsely of a string that is moved into it.
    std::optional<OwnKey> key(std::in_place);
    key->token = line_of(*lines, 0);
    key->id = line_of(*lines, 1);
    key->pin = line_of(*lines, 2);
    constexpr std::size_t length = 47; // `elv_` and 32 bytes as base64url
    if (!key->token.starts_with("elv_") || key->token.size() != length)
        fail(path, "what is in it is no key that elves-agent made; move it away, or name another file");
    return key;
}

OwnKey make_own_key(std::string const& path, std::string pin)
{
    OwnKey key{new_token(), {}, std::move(pin)};
    auto const begun = write_beside(path, key);
    // Not rename(2), which would take the place of another one's.
    if (::link(begun.c_str(), path.c_str()) != 0) fail_with_errno(path);
    if (::unlink(begun.c_str()) != 0) fail_with_errno(begun);
    sync_folder_of(path);
    return key;
}

void replace_own_key(std::string const& path, OwnKey const& key)
{
    auto const begun = write_beside(path, key);
    if (::rename(begun.c_str(), path.c_str()) != 0) fail_with_errno(path);
    sync_folder_of(path);
}

} // namespace elves::agent
