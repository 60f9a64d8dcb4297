#pragma once

#include <boost/asio/post.hpp>
#include <optional>
#include <utility>

#include "elves/commit_in_doubt.hpp"
#include "elves/error.hpp"
#include "elves/store.hpp"
#include "store/migrations.hpp"
#include "store/open_db.hpp"
#include "store/transaction.hpp"

namespace elves {

/// A Store in memory: runs work at once on the calling thread, posts `done` to the loop, and fails on demand.
class InlineStore final : public Store {
public:
    explicit InlineStore(LoopExecutor loop) : loop_(std::move(loop)), db_(open_in_memory()) {}

    void post(Work work, Done done) override
    {
        finish(std::move(done), attempt([&] {
            ++posted_;
            if (failing_ || fail_next_ > 0) {
                fail_next_ = std::max(0, fail_next_ - 1);
                throw Error(codes::store_cannot_write, "the store cannot write: disk full");
            }
            auto const doubt = std::exchange(doubt_, std::nullopt);
            if (doubt.value_or(true)) in_transaction(work);
            if (doubt) throw CommitInDoubt("the store cannot write: input/output error");
        }));
    }
    void post_read(Work work, Done done) override
    {
        finish(std::move(done), attempt([&] { work(*db_); }));
    }
    void migrate(std::string_view module, std::string_view schema) override
    {
        elves::migrate(*db_, {{std::string(module), std::string(schema)}});
    }
    void at_start(Work const& work) override { in_transaction(work); }

    /// The next `count` writes get Error 507.1 and are not run. Reads go on.
    void fail_next(int count = 1) { fail_next_ = count; }
    /// The next write is in doubt: it is on disk all the same, or not.
    void doubt_next(bool is_on_disk) { doubt_ = is_on_disk; }
    /// From now on every write gets Error 507.1, until told otherwise.
    void fail_all(bool fail) { failing_ = fail; }
    /// Calls of `post` so far, failed ones too.
    [[nodiscard]] int posted() const { return posted_; }
    /// For a test's own look at the tables.
    [[nodiscard]] Db& db() { return *db_; }

private:
    void in_transaction(Work const& work)
    {
        Transaction transaction(*db_);
        work(*db_);
        transaction.commit();
    }
    template <class F>
    static std::exception_ptr attempt(F&& run)
    {
        try {
            run();
            return nullptr;
        } catch (...) {
            return std::current_exception();
        }
    }
    void finish(Done done, std::exception_ptr error)
    {
        asio::post(loop_, [done = std::move(done), error = std::move(error)] {
            if (done) done(error);
        });
    }

    LoopExecutor loop_;
    std::unique_ptr<Db> db_;
    int fail_next_ = 0;
    std::optional<bool> doubt_;
    bool failing_ = false;
    int posted_ = 0;
};

} // namespace elves
