#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "elves/sql.hpp"

namespace elves {

/// A version of an app that was pushed.
struct AppVersion {
    std::string app;
    std::string version;
    std::string sha256;
    std::int64_t size = 0;
    std::string signature; ///< Base64; "" for none.
    std::string by;        ///< The key that pushed it, or "".
    Instant time{};
    std::int64_t package = 0; ///< Where its bytes are.
};

/// A package's id, and what it is.
struct PackageRow {
    std::int64_t id = 0;
    std::string sha256;
    std::int64_t size = 0;
    bool is_complete = false;
};

/// The SQL of packages. On the store's threads.
namespace package_records {

[[nodiscard]] std::vector<AppVersion> versions(Db& db);
[[nodiscard]] std::vector<PackageRow> packages(Db& db);
/// One that is not complete.
void insert_package(Db& db, std::int64_t id, std::string_view sha256, std::int64_t size);
void insert_piece(Db& db, std::int64_t package, std::int64_t place, std::string_view bytes);
/// Makes it complete, or says that it is not.
void set_complete(Db& db, std::int64_t package, bool is_complete);
void insert_version(Db& db, AppVersion const& version);
void erase_version(Db& db, std::string_view app, std::string_view version);
/// Deletes up to `most` pieces. Returns true once no piece is left and the package itself is deleted.
[[nodiscard]] bool erase_pieces(Db& db, std::int64_t package, std::int64_t most);
/// The bytes from `place` on, `most` of them, or those up to the end.
[[nodiscard]] std::string read(Db& db, std::int64_t package, std::int64_t place, std::int64_t most);

} // namespace package_records

} // namespace elves
