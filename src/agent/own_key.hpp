#pragma once

#include <optional>
#include <string>

namespace elves::agent {

/// A key that an agent came to by itself.
struct OwnKey {
    std::string token; ///< That it made.
    std::string id;    ///< Of the key that a server made of it; "" until then.
    std::string pin;   ///< SHA-256 in hex of the certificate of the server that it asked; "" where not known.
};

/// Nothing where there is no such file. Throws as core/secret_file.hpp does, and where something else stands
/// in it.
[[nodiscard]] std::optional<OwnKey> read_own_key(std::string const& path);

/// Makes a token, and the file, mode 0600: on disk when this returns. Throws std::runtime_error where there
/// is such a file already, or none can be made.
[[nodiscard]] OwnKey make_own_key(std::string const& path, std::string pin = {});

/// Puts it in the place of what is in the file. Throws std::runtime_error; the file is as it was then.
void replace_own_key(std::string const& path, OwnKey const& key);

} // namespace elves::agent
