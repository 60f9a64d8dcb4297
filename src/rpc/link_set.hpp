#pragma once

#include <boost/intrusive/list.hpp>

namespace elves {

/// The connections that share one LinkShared. A connection leaves the set when it is destroyed. Those that
/// are left when the set is destroyed are dropped: afterwards they touch nothing of what they shared, however
/// long a pending handler keeps them alive. On the loop's thread.
class LinkSet {
public:
    class Member : public boost::intrusive::list_base_hook<
                       boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    public:
        /// Closes without a word to anybody, and destroys, uncalled, whatever waits for this connection.
        virtual void drop() noexcept = 0;

    protected:
        ~Member() = default;
    };

    LinkSet() = default;
    LinkSet(LinkSet const&) = delete;
    LinkSet& operator=(LinkSet const&) = delete;
    ~LinkSet() { drop_all(); }

    void add(Member& member) { members_.push_back(member); }
    /// At the end of a program, before what the waiting coroutines refer to is destroyed. The loop that they
    /// run on must still exist.
    void drop_all() noexcept
    {
        while (!members_.empty()) {
            auto& member = members_.front();
            members_.pop_front();
            member.drop();
        }
    }

private:
    boost::intrusive::list<Member, boost::intrusive::constant_time_size<false>> members_;
};

} // namespace elves
