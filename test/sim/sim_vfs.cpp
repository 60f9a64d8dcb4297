#include "sim/sim_vfs.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include <sqlite3.h>

namespace elves::sim {

namespace {

std::set<SimFiles*>& all_files()
{
    static std::set<SimFiles*> all;
    return all;
}

/// An open file of SQLite's.
struct Handle {
    sqlite3_file base;
    SimFiles* files;
    SimFiles::File* file;
    int level;
};

Handle& handle(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }

int lock(sqlite3_file* raw, int level)
{
    auto& h = handle(raw);
    if (level <= h.level) return SQLITE_OK;
    auto& file = *h.file;
    if (file.exclusive && file.exclusive != raw) return SQLITE_BUSY;
    if (level == SQLITE_LOCK_SHARED) {
        ++file.shared_locks;
    } else if (level == SQLITE_LOCK_EXCLUSIVE && file.shared_locks > 1) {
        return SQLITE_BUSY;
    }
    if (level > SQLITE_LOCK_SHARED) file.exclusive = raw;
    h.level = level;
    return SQLITE_OK;
}

int unlock(sqlite3_file* raw, int level)
{
    auto& h = handle(raw);
    if (level >= h.level) return SQLITE_OK;
    auto& file = *h.file;
    if (file.exclusive == raw && level <= SQLITE_LOCK_SHARED) file.exclusive = nullptr;
    if (level == SQLITE_LOCK_NONE) --file.shared_locks;
    h.level = level;
    return SQLITE_OK;
}

int close(sqlite3_file* raw) { return unlock(raw, SQLITE_LOCK_NONE); }

int read(sqlite3_file* raw, void* to, int size, sqlite3_int64 offset)
{
    auto const& bytes = handle(raw).file->bytes;
    auto const from = std::min(static_cast<std::size_t>(offset), bytes.size());
    auto const got = std::min(static_cast<std::size_t>(size), bytes.size() - from);
    std::memcpy(to, bytes.data() + from, got);
    if (got == static_cast<std::size_t>(size)) return SQLITE_OK;
    std::memset(static_cast<char*>(to) + got, 0, static_cast<std::size_t>(size) - got);
    return SQLITE_IOERR_SHORT_READ;
}

int write(sqlite3_file* raw, void const* from, int size, sqlite3_int64 offset)
{
    auto& h = handle(raw);
    return h.files->write(*h.file, static_cast<std::size_t>(offset),
        {static_cast<char const*>(from), static_cast<std::size_t>(size)});
}

int truncate(sqlite3_file* raw, sqlite3_int64 size)
{
    auto& h = handle(raw);
    return h.files->truncate(*h.file, static_cast<std::size_t>(size));
}

int sync(sqlite3_file* raw, int)
{
    auto& h = handle(raw);
    return h.files->sync(*h.file);
}

int file_size(sqlite3_file* raw, sqlite3_int64* size)
{
    *size = static_cast<sqlite3_int64>(handle(raw).file->bytes.size());
    return SQLITE_OK;
}

int check_reserved_lock(sqlite3_file* raw, int* is_reserved)
{
    *is_reserved = handle(raw).file->exclusive != nullptr ? 1 : 0;
    return SQLITE_OK;
}

int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return 4096; }
int device_characteristics(sqlite3_file*) { return 0; }

int shm_map(sqlite3_file* raw, int region, int size, int extend, void volatile** memory)
{
    auto& shared = handle(raw).file->shared;
    auto const at = static_cast<std::size_t>(region);
    *memory = nullptr;
    if (at >= shared.size() && extend == 0) return SQLITE_OK;
    while (shared.size() <= at) shared.push_back(std::make_unique<char[]>(static_cast<std::size_t>(size)));
    *memory = shared[at].get();
    return SQLITE_OK;
}

/// Each connection ends its transaction within one step of the simulation: nobody ever waits for another.
int shm_lock(sqlite3_file*, int, int, int) { return SQLITE_OK; }
void shm_barrier(sqlite3_file*) {}
int shm_unmap(sqlite3_file* raw, int erase)
{
    if (erase != 0) handle(raw).file->shared.clear();
    return SQLITE_OK;
}

constexpr sqlite3_io_methods methods{2, close, read, write, truncate, sync, file_size, lock, unlock,
    check_reserved_lock, file_control, sector_size, device_characteristics, shm_map, shm_lock, shm_barrier,
    shm_unmap, nullptr, nullptr};

int open(sqlite3_vfs*, char const* name, sqlite3_file* raw, int flags, int* out_flags)
{
    auto& h = handle(raw);
    h.base.pMethods = nullptr;
    auto* const files = name ? SimFiles::of(name) : nullptr;
    if (!files) return SQLITE_CANTOPEN;
    // SQLite opens no new data file: the store makes it.
    auto* file = files->find(name);
    if (!file && ((flags & SQLITE_OPEN_CREATE) == 0 || files->is_frozen())) return SQLITE_CANTOPEN;
    if (!file) file = &files->make(name);
    h = {{&methods}, files, file, SQLITE_LOCK_NONE};
    if (out_flags) *out_flags = flags;
    return SQLITE_OK;
}

int erase(sqlite3_vfs*, char const* name, int)
{
    auto* const files = SimFiles::of(name);
    if (!files || !files->find(name)) return SQLITE_IOERR_DELETE_NOENT;
    if (files->is_frozen()) return SQLITE_IOERR_DELETE;
    files->erase(name);
    return SQLITE_OK;
}

int access(sqlite3_vfs*, char const* name, int, int* is_there)
{
    auto* const files = SimFiles::of(name);
    *is_there = files && files->find(name) ? 1 : 0;
    return SQLITE_OK;
}

int full_path(sqlite3_vfs*, char const* name, int size, char* out)
{
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
}

/// For the salt of a -wal file only: what counts is that it is the same in each run.
int randomness(sqlite3_vfs*, int size, char* out)
{
    std::memset(out, 0x5A, static_cast<std::size_t>(size));
    return size;
}

int sleep(sqlite3_vfs*, int microseconds) { return microseconds; }
int current_time(sqlite3_vfs*, double* now)
{
    *now = 2'461'041.5;
    return SQLITE_OK;
}
int last_error(sqlite3_vfs*, int, char*) { return 0; }

void register_once()
{
    static sqlite3_vfs vfs{1, sizeof(Handle), 512, nullptr, SimFiles::vfs_name, nullptr, open, erase, access,
        full_path, nullptr, nullptr, nullptr, nullptr, randomness, sleep, current_time, last_error, nullptr,
        nullptr, nullptr, nullptr};
    static int const registered = sqlite3_vfs_register(&vfs, 0);
    static_cast<void>(registered);
}

} // namespace

SimFiles::SimFiles(std::string folder) : folder_("/sim/" + std::move(folder) + "/")
{
    register_once();
    all_files().insert(this);
}

SimFiles::~SimFiles() { all_files().erase(this); }

SimFiles* SimFiles::of(std::string const& path)
{
    for (auto* const files : all_files())
        if (path.starts_with(files->folder_)) return files;
    return nullptr;
}

SimFiles::File* SimFiles::find(std::string const& path)
{
    auto const found = files_.find(path);
    return found == files_.end() ? nullptr : &found->second;
}

void SimFiles::erase(std::string const& path)
{
    // SQLite may still have it open: it is emptied, and gone with the next one to look for it.
    files_.erase(path);
}

void SimFiles::put(File& file, std::size_t offset, std::string_view bytes)
{
    auto const size = file.bytes.size();
    auto const old = offset < size ? file.bytes.substr(offset, bytes.size()) : std::string();
    file.unsynced.push_back({offset, old, size});
    if (offset + bytes.size() > size) file.bytes.resize(offset + bytes.size());
    std::copy(bytes.begin(), bytes.end(), file.bytes.begin() + static_cast<std::ptrdiff_t>(offset));
}

int SimFiles::write(File& file, std::size_t offset, std::string_view bytes)
{
    if (is_frozen_) return SQLITE_IOERR_WRITE;
    if (is_full) return SQLITE_FULL;
    if (writes_left == 0) return SQLITE_IOERR_WRITE;
    if (writes_left > 0 && --writes_left == 0) {
        put(file, offset, bytes.substr(0, bytes.size() / 2));
        return SQLITE_IOERR_WRITE;
    }
    put(file, offset, bytes);
    return SQLITE_OK;
}

int SimFiles::truncate(File& file, std::size_t size)
{
    if (is_frozen_ || writes_left == 0) return SQLITE_IOERR_TRUNCATE;
    auto const before = file.bytes.size();
    if (size >= before) return SQLITE_OK;
    file.unsynced.push_back({size, file.bytes.substr(size), before});
    file.bytes.resize(size);
    return SQLITE_OK;
}

int SimFiles::sync(File& file)
{
    if (is_frozen_ || writes_left == 0) return SQLITE_IOERR_FSYNC;
    file.unsynced.clear();
    return SQLITE_OK;
}

void SimFiles::thaw(bool power_cut)
{
    is_frozen_ = false;
    writes_left = -1;
    for (auto& [path, file] : files_) {
        while (power_cut && !file.unsynced.empty()) {
            auto const& last = file.unsynced.back();
            file.bytes.resize(std::max(last.size, last.offset + last.before.size()));
            std::copy(last.before.begin(), last.before.end(),
                file.bytes.begin() + static_cast<std::ptrdiff_t>(last.offset));
            file.bytes.resize(last.size);
            file.unsynced.pop_back();
        }
        file.shared.clear();
        file.shared_locks = 0;
        file.exclusive = nullptr;
    }
}

} // namespace elves::sim
