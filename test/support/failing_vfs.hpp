#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>

#include <sqlite3.h>

namespace elves {

/// A disk that fails on purpose: while this lives, files that SQLite opens get these results instead of
/// being written or synced. One at a time; connections are closed before it goes.
class FailingVfs {
public:
    FailingVfs()
    {
        real() = sqlite3_vfs_find(nullptr);
        vfs_ = *real();
        vfs_.zName = "failing";
        vfs_.xOpen = &open;
        if (sqlite3_vfs_register(&vfs_, 1) != SQLITE_OK) throw std::runtime_error("no failing VFS");
        write_result = SQLITE_OK;
        sync_result = SQLITE_OK;
        open_result = SQLITE_OK;
        fail_data_file = false;
    }
    ~FailingVfs()
    {
        sqlite3_vfs_register(real(), 1);
        sqlite3_vfs_unregister(&vfs_);
    }
    FailingVfs(FailingVfs const&) = delete;
    FailingVfs& operator=(FailingVfs const&) = delete;

    static inline std::atomic<int> write_result = SQLITE_OK; ///< E.g. SQLITE_FULL.
    static inline std::atomic<int> sync_result = SQLITE_OK;  ///< E.g. SQLITE_IOERR_FSYNC.
    static inline std::atomic<int> open_result = SQLITE_OK;
    /// The data file itself takes no write; its -wal file does.
    static inline std::atomic<bool> fail_data_file = false;

private:
    static sqlite3_vfs*& real()
    {
        static sqlite3_vfs* vfs = nullptr;
        return vfs;
    }
    /// SQLite's methods of one kind of file (databases and -wal files have different ones), ours before them.
    struct Methods : sqlite3_io_methods {
        sqlite3_io_methods const* system;
        bool is_data; ///< The data file's.
    };
    static Methods const* ours(sqlite3_io_methods const* system, bool is_data)
    {
        static std::mutex mutex;
        static std::map<std::pair<sqlite3_io_methods const*, bool>, Methods> all;
        std::lock_guard const lock(mutex);
        auto const [place, fresh] = all.try_emplace({system, is_data});
        auto& methods = place->second;
        if (fresh) {
            static_cast<sqlite3_io_methods&>(methods) = *system;
            methods.xWrite = &write;
            methods.xSync = &sync;
            methods.system = system;
            methods.is_data = is_data;
        }
        return &methods;
    }
    static Methods const* methods_of(sqlite3_file* file)
    {
        return static_cast<Methods const*>(file->pMethods);
    }
    static sqlite3_io_methods const* system_methods(sqlite3_file* file) { return methods_of(file)->system; }
    static int write(sqlite3_file* file, void const* data, int size, sqlite3_int64 at)
    {
        if (fail_data_file && methods_of(file)->is_data) return SQLITE_IOERR_WRITE;
        int const result = write_result;
        return result != SQLITE_OK ? result : system_methods(file)->xWrite(file, data, size, at);
    }
    static int sync(sqlite3_file* file, int flags)
    {
        int const result = sync_result;
        return result != SQLITE_OK ? result : system_methods(file)->xSync(file, flags);
    }
    static int open(sqlite3_vfs*, char const* name, sqlite3_file* file, int flags, int* out)
    {
        if (int const result = open_result; result != SQLITE_OK) {
            file->pMethods = nullptr;
            return result;
        }
        int const result = real()->xOpen(real(), name, file, flags, out);
        if (file->pMethods != nullptr)
            file->pMethods = ours(file->pMethods, (flags & SQLITE_OPEN_MAIN_DB) != 0);
        return result;
    }

    sqlite3_vfs vfs_{};
};

} // namespace elves
