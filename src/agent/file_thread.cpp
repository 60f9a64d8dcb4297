#include "agent/file_thread.hpp"

#include <boost/asio/post.hpp>
#include <csignal>
#include <memory>

#include "elves/one_shot.hpp"

namespace elves::agent {

FileThread::~FileThread()
{
    {
        std::lock_guard const lock(mutex_);
        is_ending_ = true;
        queue_.clear();
    }
    has_work_.notify_all();
    if (thread_.joinable()) thread_.join();
}

asio::awaitable<void> FileThread::run(std::function<void()> work)
{
    auto const failure = std::make_shared<std::exception_ptr>();
    OneShot<bool> finished;
    auto done = [loop = loop_, failure, finished](std::exception_ptr problem) mutable {
        asio::post(loop, [failure, finished, problem = std::move(problem)]() mutable {
            *failure = std::move(problem);
            finished.set(true);
        });
    };
    {
        std::lock_guard const lock(mutex_);
        queue_.push_back({std::move(work), std::move(done)});
    }
    if (!thread_.joinable()) {
        // Signals are the loop's.
        sigset_t all;
        sigset_t before;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before);
        thread_ = std::thread([this] { serve(); });
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    has_work_.notify_one();
    co_await finished.wait(clock_);
    if (*failure) std::rethrow_exception(*failure);
}

void FileThread::serve()
{
    while (true) {
        Job job;
        {
            std::unique_lock lock(mutex_);
            has_work_.wait(lock, [this] { return is_ending_ || !queue_.empty(); });
            if (is_ending_) return;
            job = std::move(queue_.front());
            queue_.pop_front();
        }
        std::exception_ptr problem;
        try {
            job.work();
        } catch (...) {
            problem = std::current_exception();
        }
        job.work = nullptr;
        job.done(std::move(problem));
    }
}

} // namespace elves::agent
