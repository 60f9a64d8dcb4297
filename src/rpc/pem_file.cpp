#include "rpc/pem_file.hpp"

#include <string_view>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

#include "core/file_text.hpp"
#include "elves/trimmed.hpp"

namespace elves {

namespace {

bool write_all(int file, std::string_view text)
{
    while (!text.empty()) {
        auto const written = ::write(file, text.data(), text.size());
        if (written <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

} // namespace

PemFile::PemFile(std::string path) : path_(std::move(path))
{
    auto const text = file_text(path_);
    auto const plain = without_byte_order_mark(text);
    if (plain.size() == text.size()) return;
    copy_ = ::memfd_create("pem", MFD_CLOEXEC);
    if (copy_ >= 0 && write_all(copy_, plain)) path_ = "/proc/self/fd/" + std::to_string(copy_);
}

PemFile::~PemFile()
{
    if (copy_ >= 0) ::close(copy_);
}

} // namespace elves
