#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apps_fields.hpp"
#include "assignments.hpp"
#include "elves/module.hpp"
#include "elves/note.hpp"
#include "elves/services/server_limits.hpp"
#include "packages.hpp"

namespace elves {

/// The `apps` service: packages of apps, and which hosts are to have which. On the loop's thread. What it is
/// made of outlives it.
class AppsService : public Module {
public:
    AppsService(Packages& packages, Assignments& assignments, ServerLimits const* limits, Zone zone)
        : packages_(packages), assignments_(assignments), limits_(limits), zone_(zone)
    {
    }

    [[nodiscard]] std::string_view name() const override { return "apps"; }
    void configure(Section const& section) override;
    void declare(MethodTable& table) override;
    void start() override
    {
        packages_.start();
        assignments_.start();
    }
    void stop() override
    {
        assignments_.stop();
        packages_.stop();
    }

private:
    struct Push {
        AppName app;
        VersionName version;
        Sha256Text sha256;
        std::int64_t size = 0;
        SignatureText signature;
    };
    struct Piece {
        TaskId upload;
        std::int64_t offset = 0;
        PieceData data;
    };
    struct End {
        TaskId upload;
    };
    struct Version {
        AppName app;
        VersionName version;
    };
    struct List {
        std::optional<AppName> app;
        std::optional<VersionName> version;
        std::string after;
        std::int64_t limit = 100;
    };
    struct Read {
        AppName app;
        VersionName version;
        std::int64_t offset = 0;
        std::int64_t limit = 0;
    };

    struct Assign {
        AppName app;
        VersionName version;
        std::string target;
        Note note;
    };
    struct ById {
        TaskId id;
    };
    struct Assigned {
        std::optional<AppName> app;
    };

    [[nodiscard]] asio::awaitable<Reply> begin_push(Push in);
    [[nodiscard]] asio::awaitable<Reply> push_piece(Piece in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> end_push(End in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> erase(Version in, Caller caller);
    [[nodiscard]] Reply list(List const& in, Caller const& caller) const;
    [[nodiscard]] asio::awaitable<Reply> read_piece(Read in, Caller caller);

    [[nodiscard]] asio::awaitable<Reply> assign(Assign in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> unassign(ById in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> list_assignments(Assigned in, Caller caller) const;

    void declare_packages(MethodTable& table);
    void declare_assignments(MethodTable& table);
    [[nodiscard]] std::int64_t piece_bytes() const;
    [[nodiscard]] json::object shown(AppVersion const& version) const;

    Packages& packages_;
    Assignments& assignments_;
    ServerLimits const* limits_; ///< Null where nobody says.
    Zone zone_;
};

} // namespace elves
