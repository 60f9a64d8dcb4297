#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;
struct evp_md_st;

namespace elves {

/// SHA-256, many times over without setting it up anew. Belongs to one thread at a time.
class Sha256 {
public:
    /// Throws std::runtime_error where the library can't.
    Sha256();
    /// 64 lower-case hex digits.
    [[nodiscard]] std::string hex(std::string_view bytes);

    /// Hashes bytes that arrive in pieces: call `begin`, `add` for each piece, then `end`. Calling `hex` in
    /// between discards the pieces. They throw std::runtime_error if the library fails.
    void begin();
    void add(std::string_view bytes);
    [[nodiscard]] std::string end();

private:
    std::unique_ptr<evp_md_st, void (*)(evp_md_st*)> kind_;
    std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

} // namespace elves
