#pragma once

#include <string>

namespace elves {

/// A PEM file as OpenSSL reads it: without the byte order mark that some editors write, before which OpenSSL
/// finds nothing. A file without the mark is read where it is; one with it from a copy in memory, which no
/// other process can open by a name.
class PemFile {
public:
    /// What can't be read is left to OpenSSL, which says why.
    explicit PemFile(std::string path);
    ~PemFile();
    PemFile(PemFile const&) = delete;
    PemFile& operator=(PemFile const&) = delete;

    /// For OpenSSL. Valid for as long as this is.
    [[nodiscard]] char const* path() const noexcept { return path_.c_str(); }

private:
    std::string path_;
    int copy_ = -1;
};

} // namespace elves
