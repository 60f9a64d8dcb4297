#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "elves/asio.hpp"
#include "elves/caller.hpp"
#include "elves/clock.hpp"
#include "elves/one_at_a_time.hpp"
#include "elves/sha256.hpp"
#include "elves/store.hpp"
#include "elves/task_id.hpp"
#include "package_records.hpp"

namespace elves {

/// The packages of apps: uploads in pieces, and what has been pushed. The versions are in memory, the bytes
/// in the store alone. On the loop's thread. `store` and `clock` outlive it.
class Packages {
public:
    struct Limits {
        std::int64_t size = std::int64_t{64} * 1024 * 1024;        ///< Bytes of one package.
        std::int64_t total = std::int64_t{4} * 1024 * 1024 * 1024; ///< Bytes of all packages.
    };
    /// Uploads that have not ended.
    static constexpr std::size_t most_uploads = 64;
    static constexpr std::size_t most_versions = 10'000;
    /// An upload from which nothing came for so long is given up.
    static constexpr std::chrono::minutes longest_pause{10};

    Packages(Store& store, Clock& clock, LoopExecutor loop);

    void set_limits(Limits limits) { limits_ = limits; }
    void start();
    void stop();

    /// What is to be pushed.
    struct Push {
        std::string app, version, sha256, signature;
        std::int64_t size = 0;
    };
    struct Begun {
        std::optional<TaskId> upload; ///< Nothing: this version is there, with these bytes.
        std::int64_t received = 0;    ///< Bytes that need not be sent: the package may be there already.
    };
    /// Throws Error 409.3 (the version is there, with another content), 403.10, 429.1.
    [[nodiscard]] asio::awaitable<Begun> begin(Push push);
    /// The bytes that are there now. Throws Error 413.2, 403.10.
    [[nodiscard]] asio::awaitable<std::int64_t> add(
        TaskId upload, std::int64_t place, std::string bytes, Caller caller);
    /// Throws Error 413.2, 403.10 (bytes are missing, or are not those of the SHA-256): the upload is gone
    /// then.
    [[nodiscard]] asio::awaitable<AppVersion> end(TaskId upload, Caller caller);
    /// Throws Error 413.2.
    [[nodiscard]] asio::awaitable<void> erase(std::string app, std::string version, Store::Work also);

    /// Throws Error 413.2.
    [[nodiscard]] AppVersion const& find(std::string const& app, std::string const& version) const;
    using All = std::map<std::pair<std::string, std::string>, AppVersion>;
    [[nodiscard]] All const& all() const noexcept { return versions_; }
    /// Throws Error 413.2, 403.10; 500.1 where bytes are missing in the store.
    [[nodiscard]] asio::awaitable<std::string> read(
        AppVersion version, std::int64_t place, std::int64_t most);

private:
    struct Upload {
        Push push;
        std::int64_t package = 0; ///< 0: none of its own, the bytes are there.
        std::int64_t received = 0;
        Sha256 sha256;
        Clock::Steady heard{};
        OneAtATime changes;
    };
    using UploadPtr = std::shared_ptr<Upload>;

    [[nodiscard]] UploadPtr upload_of(TaskId id, Caller const& caller) const;
    void require_room(Push const& push) const;
    void drop(TaskId id);
    void drop_silent();
    [[nodiscard]] std::int64_t complete_package(std::string const& sha256) const;
    void reclaim_soon(std::int64_t package);
    [[nodiscard]] asio::awaitable<void> reclaim(std::int64_t package);
    [[nodiscard]] asio::awaitable<void> write_version(AppVersion version, bool is_new_package, Caller caller);

    Store& store_;
    Clock& clock_;
    LoopExecutor loop_;
    Limits limits_;
    All versions_;
    std::map<TaskId, UploadPtr> uploads_;
    std::int64_t last_package_ = 0;
    OneAtATime changes_;
    Timer timer_;
    bool is_stopping_ = false;
};

} // namespace elves
