#include "core/secret_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/utf8.hpp"
#include "elves/trimmed.hpp"

namespace elves {

namespace {

constexpr std::size_t largest_file = 4096;

[[noreturn]] void fail(std::string const& path, std::string const& what)
{
    throw std::runtime_error("file " + path + ": " + what);
}

[[noreturn]] void fail_with_errno(std::string const& path)
{
    fail(path, std::string(std::strerror(errno)) + "; check folder and permissions, or name another file");
}

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor()
    {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(Descriptor const&) = delete;
    Descriptor& operator=(Descriptor const&) = delete;
    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_;
};

void require_private(std::string const& path, int fd, SecretSource source)
{
    struct stat about {};
    if (::fstat(fd, &about) != 0) fail_with_errno(path);
    if (source == SecretSource::file_or_pipe && S_ISFIFO(about.st_mode)) return;
    if (!S_ISREG(about.st_mode)) fail(path, "it is no plain file; name another one");
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        fail(path, "others than its owner may use it; chmod 600 " + path);
}

std::string read_all(std::string const& path, int fd)
{
    std::string text;
    // One byte more than may be there shows that it is too much.
    std::array<char, largest_file + 1> piece{};
    while (text.size() <= largest_file) {
        auto const got = ::read(fd, piece.data(), piece.size() - text.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail_with_errno(path);
        if (got == 0) break;
        text.append(piece.data(), static_cast<std::size_t>(got));
    }
    OPENSSL_cleanse(piece.data(), piece.size());
    if (text.size() > largest_file)
        fail(path,
            "it is over " + std::to_string(largest_file) + " bytes; name the file with the secret alone");
    return text;
}

void require_text(std::string const& path, std::string_view text)
{
    bool const has_nul = text.find('\0') != std::string_view::npos; // as UTF-16 has it
    if (has_nul || !is_utf8(text)) fail(path, "it is not UTF-8 text; save it as UTF-8");
}

std::vector<std::string> lines_of(std::string_view text)
{
    std::vector<std::string> lines;
    text = trimmed(without_byte_order_mark(text));
    while (!text.empty()) {
        auto const line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        lines.emplace_back(trimmed(line));
    }
    return lines;
}

} // namespace

std::optional<std::vector<std::string>> read_secret_file(std::string const& path, SecretSource source)
{
    // Without waiting for a writer, should somebody have put a pipe there.
    int const flags = source == SecretSource::file ? O_RDONLY | O_NONBLOCK | O_CLOEXEC : O_RDONLY | O_CLOEXEC;
    Descriptor const file(::open(path.c_str(), flags));
    if (file.get() < 0 && errno == ENOENT) return std::nullopt;
    if (file.get() < 0) fail_with_errno(path);
    require_private(path, file.get(), source);
    auto text = read_all(path, file.get());
    require_text(path, text);
    auto lines = lines_of(text);
    OPENSSL_cleanse(text.data(), text.size());
    return lines;
}

} // namespace elves
