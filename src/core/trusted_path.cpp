#include "core/trusted_path.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace elves {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t longest_entry = std::size_t{64} * 1024;

std::string mode_text(mode_t mode)
{
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "%04o", mode & 07777U);
    return text.data();
}

std::string user_name(uid_t uid)
{
    std::vector<char> room(longest_entry);
    passwd entry{};
    passwd* found = nullptr;
    ::getpwuid_r(uid, &entry, room.data(), room.size(), &found);
    return found != nullptr ? found->pw_name : std::to_string(uid);
}

/// A group of the owner's alone, as `useradd` makes one for each user: of his name, and with nobody else in
/// it. Not root's: there are users whose first group that is, and a group does not tell whose first it is.
bool is_private(gid_t gid, uid_t uid)
{
    if (gid == 0) return false;
    std::vector<char> user_room(longest_entry);
    std::vector<char> group_room(longest_entry);
    passwd user_entry{};
    group group_entry{};
    passwd* user = nullptr;
    group* found = nullptr;
    ::getpwuid_r(uid, &user_entry, user_room.data(), user_room.size(), &user);
    ::getgrgid_r(gid, &group_entry, group_room.data(), group_room.size(), &found);
    if (user == nullptr || found == nullptr || user->pw_gid != gid) return false;
    if (std::strcmp(user->pw_name, found->gr_name) != 0) return false;
    for (auto* const* member = found->gr_mem; *member != nullptr; ++member) {
        if (std::strcmp(*member, user->pw_name) != 0) return false;
    }
    return true;
}

/// A descriptor that is closed at the end of its owner's life.
class Descriptor {
public:
    Descriptor() = default;
    ~Descriptor() { replace(-1); }
    Descriptor(Descriptor const&) = delete;
    Descriptor& operator=(Descriptor const&) = delete;
    [[nodiscard]] int get() const noexcept { return fd_; }
    void replace(int fd) noexcept
    {
        if (fd_ >= 0) ::close(fd_);
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

/// As in /tmp: there nobody can take away or rename what is another's.
bool keeps_what_is_in_it(struct stat const& about)
{
    return S_ISDIR(about.st_mode) && (about.st_mode & S_ISVTX) != 0;
}

} // namespace

std::optional<std::string> untrusted(struct stat const& about, fs::path const& path, uid_t own)
{
    auto const name = path.string();
    if (about.st_uid != 0 && about.st_uid != own)
        return name + " belongs to " + user_name(about.st_uid) + " (mode " + mode_text(about.st_mode) +
               "), who could change it; chown root " + name;
    auto const is_mode = name + " has mode " + mode_text(about.st_mode);
    if ((about.st_mode & S_IWOTH) != 0) return is_mode + ": anybody may change it; chmod o-w " + name;
    if ((about.st_mode & S_IWGRP) != 0 && !is_private(about.st_gid, about.st_uid))
        return is_mode + ": its group may change it, and is not its owner's alone; chmod g-w " + name;
    // With an access list the group's bits say what the list may give to others at most.
    bool const has_list = ::getxattr(name.c_str(), "system.posix_acl_access", nullptr, 0) > 0;
    if ((about.st_mode & S_IWGRP) != 0 && has_list)
        return name + " has an access list by which others may change it; setfacl -b " + name;
    return std::nullopt;
}

std::optional<std::string> untrusted(fs::path const& real, uid_t own)
{
    fs::path so_far;
    Descriptor at;
    for (auto part = real.begin(); part != real.end(); ++part) {
        so_far /= *part;
        auto const fd = ::openat(
            part == real.begin() ? AT_FDCWD : at.get(), part->c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) return so_far.string() + " can't be looked at: " + std::strerror(errno);
        at.replace(fd);
        struct stat about {};
        if (::fstat(at.get(), &about) != 0)
            return so_far.string() + " can't be looked at: " + std::strerror(errno);
        if (S_ISLNK(about.st_mode)) return so_far.string() + " has just become a link; try again";
        auto const is_last = std::next(part) == real.end();
        if (!is_last && keeps_what_is_in_it(about) && (about.st_uid == 0 || about.st_uid == own)) continue;
        if (auto fault = untrusted(about, so_far, own)) return fault;
    }
    return std::nullopt;
}

std::optional<std::string> untrusted_links(fs::path const& path, uid_t own)
{
    constexpr int most_links = 40; // as the kernel follows
    std::error_code failure;
    fs::path here = "/";
    std::vector<fs::path> rest(path.begin(), path.end()); // what is next lies last
    std::reverse(rest.begin(), rest.end());
    for (int links = 0; !rest.empty();) {
        auto const part = std::exchange(rest.back(), {});
        rest.pop_back();
        if (part.empty() || part == ".") continue;
        auto const next = here / part;
        if (!fs::is_symlink(fs::symlink_status(next, failure))) {
            here = next.lexically_normal(); // no link is in it, so that ".." is what it seems
            continue;
        }
        if (auto fault = untrusted(here, own)) return fault;
        auto const target = fs::read_symlink(next, failure);
        if (failure || ++links > most_links) return next.string() + " leads nowhere";
        rest.insert(
            rest.end(), std::make_reverse_iterator(target.end()), std::make_reverse_iterator(target.begin()));
    }
    return std::nullopt;
}

std::optional<std::string> untrusted_anywhere(fs::path const& path, uid_t own)
{
    std::error_code failure;
    auto const whole = fs::absolute(path, failure);
    auto const real = fs::canonical(whole, failure);
    if (failure) return whole.string() + " can't be looked at: " + failure.message();
    if (auto fault = untrusted_links(whole, own)) return fault;
    return untrusted(real, own);
}

} // namespace elves
