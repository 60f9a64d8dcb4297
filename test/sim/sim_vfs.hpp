#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace elves::sim {

/// The file system of one machine, in memory, as SQLite sees it: what was written is there for whoever opens
/// the file next, what was synced survives a power cut. Its files are known to SQLite by `vfs_name`.
class SimFiles {
public:
    static constexpr char const* vfs_name = "elves-sim";

    /// `folder`: the machine's name; of two that live at a time, another.
    explicit SimFiles(std::string folder);
    ~SimFiles();
    SimFiles(SimFiles const&) = delete;
    SimFiles& operator=(SimFiles const&) = delete;

    [[nodiscard]] std::string path(std::string const& name) const { return folder_ + name; }

    bool is_full = false; ///< Every write fails with SQLITE_FULL.
    /// After so many more writes each one fails with SQLITE_IOERR, the first of them half done; -1: none
    /// does.
    std::int64_t writes_left = -1;
    /// The machine or the program is gone: connections that are closed now change nothing.
    void freeze() { is_frozen_ = true; }
    /// Once all connections are closed. `power_cut`: what was not synced is lost.
    void thaw(bool power_cut);

    // SQLite's, by way of the vfs.
    struct File {
        std::string bytes;
        struct Undo {
            std::size_t offset;
            std::string before;
            std::size_t size;
        };
        std::vector<Undo> unsynced;
        std::vector<std::unique_ptr<char[]>> shared; ///< The -shm of it.
        int shared_locks = 0;
        void const* exclusive = nullptr; ///< Who has RESERVED or more.
    };
    [[nodiscard]] static SimFiles* of(std::string const& path);
    [[nodiscard]] File* find(std::string const& path);
    [[nodiscard]] File& make(std::string const& path) { return files_[path]; }
    void erase(std::string const& path);
    /// An SQLite result. `size` is what the file has afterwards.
    [[nodiscard]] int write(File& file, std::size_t offset, std::string_view bytes);
    [[nodiscard]] int truncate(File& file, std::size_t size);
    [[nodiscard]] int sync(File& file);
    [[nodiscard]] bool is_frozen() const noexcept { return is_frozen_; }

private:
    void put(File& file, std::size_t offset, std::string_view bytes);

    std::string folder_;
    std::map<std::string, File> files_;
    bool is_frozen_ = false;
};

} // namespace elves::sim
