#include "http/sessions.hpp"

#include <algorithm>

#include "elves/secret.hpp"

namespace elves::http {

namespace {

constexpr std::size_t secret_bytes = 32;

} // namespace

bool Sessions::is_over(Session const& session) const
{
    auto const now = clock_.steady();
    return now - session.used >= idle_limit || now - session.begun >= whole_limit;
}

void Sessions::drop_old()
{
    auto const now = clock_.steady();
    std::erase_if(sessions_, [&](auto const& entry) { return is_over(entry.second); });
    std::erase_if(codes_, [&](auto const& entry) { return now - entry.second.made >= code_limit; });
}

std::string Sessions::begin(Grant grant)
{
    drop_old();
    if (sessions_.size() >= most) {
        sessions_.erase(std::min_element(sessions_.begin(), sessions_.end(),
            [](auto const& a, auto const& b) { return a.second.used < b.second.used; }));
    }
    auto secret = random_token(secret_bytes);
    auto const now = clock_.steady();
    sessions_.emplace(sha256_hex(secret), Session{std::move(grant), now, now});
    return secret;
}

Sessions::Session const* Sessions::find(std::string_view secret)
{
    auto* const session = valid(secret);
    if (session) session->used = clock_.steady();
    return session;
}

Sessions::Session const* Sessions::look_at(std::string_view secret) { return valid(secret); }

Sessions::Session* Sessions::valid(std::string_view secret)
{
    if (secret.empty()) return nullptr;
    // Looked up by its hash: how long that takes tells nothing of the secrets that there are.
    auto const found = sessions_.find(sha256_hex(secret));
    if (found == sessions_.end()) return nullptr;
    if (!is_over(found->second)) return &found->second;
    sessions_.erase(found);
    return nullptr;
}

void Sessions::end(std::string_view secret) { sessions_.erase(sha256_hex(secret)); }

std::string Sessions::new_code(Grant grant)
{
    drop_old();
    if (codes_.size() >= most_codes) {
        codes_.erase(std::min_element(codes_.begin(), codes_.end(),
            [](auto const& a, auto const& b) { return a.second.made < b.second.made; }));
    }
    auto code = random_token(secret_bytes);
    codes_.emplace(sha256_hex(code), Code{std::move(grant), clock_.steady()});
    return code;
}

std::optional<Grant> Sessions::redeem(std::string_view code)
{
    drop_old();
    auto const found = codes_.find(sha256_hex(code));
    if (found == codes_.end()) return std::nullopt;
    auto grant = std::move(found->second.grant);
    codes_.erase(found);
    return grant;
}

} // namespace elves::http
