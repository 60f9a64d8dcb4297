#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "agent/spawn.hpp"
#include "elves/deployment.hpp"
#include "package/unpack.hpp"

namespace elves::agent {

/// The folders of apps, and what deployments need beside them: `.deploy` in the apps folder, on the same file
/// system.
///
/// Each app's folder is the old one or the new one, whole, at every moment: it is exchanged by one rename. A
/// folder that waits for its switch is called `NAME.INODE` by its own inode number, so that after a crash it
/// can be told from the one that it was exchanged for.
///
/// Blocks: used by the child process of a deployment, and at the start of the agent.
class AppFolders {
public:
    /// `apps`: absolute, without links.
    explicit AppFolders(std::filesystem::path apps);

    /// Where the package of a task is fetched to.
    [[nodiscard]] std::filesystem::path package_file(std::string const& task) const;
    /// Makes what is missing of the folders, and takes the lock that one process at a time has: a child that
    /// a killed agent has left must be gone before anything is recovered. Waits for it, `patience` at most.
    /// Throws std::runtime_error.
    [[nodiscard]] OwnedFd lock(std::chrono::milliseconds patience) const;
    /// Completes or undoes what a crash has interrupted, and deletes what nobody needs. Never throws: what
    /// can't be done is logged.
    void recover() const noexcept;

    /// Whether exactly this package is deployed already.
    [[nodiscard]] bool is_deployed(Deployment const& deployment) const;
    /// What `VERSION` of the app says; "" where there is none.
    [[nodiscard]] std::string version_of(std::string const& app) const;

    /// Checks the package and puts it in the place of the app. The version before stays for `roll_back`.
    /// Returns what was done, for the task's result. Throws std::runtime_error or Error; then the version
    /// before is as it was.
    [[nodiscard]] std::string install(
        Deployment const& deployment, std::filesystem::path const& package, UnpackLimits limits) const;
    /// Puts the version before in the app's place. What it replaces is deleted: a second roll-back finds
    /// nothing.
    [[nodiscard]] std::string roll_back(std::string const& app) const;

private:
    void exchange(std::filesystem::path const& staged, std::string const& app) const;
    void keep_as_previous(std::filesystem::path const& folder, std::string const& app) const;
    void remove(std::filesystem::path const& folder) const;
    void recover_forward(std::filesystem::path const& folder) const;
    void recover_back(std::filesystem::path const& folder) const;

    std::filesystem::path apps_;
    std::filesystem::path fetched_;  ///< Packages.
    std::filesystem::path forward_;  ///< What is to become an app's folder; after the switch, the one before.
    std::filesystem::path back_;     ///< The same of a roll-back.
    std::filesystem::path previous_; ///< The versions before, by app.
    std::filesystem::path trash_;    ///< What is being deleted.
};

} // namespace elves::agent
