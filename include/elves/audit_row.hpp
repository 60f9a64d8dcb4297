#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace elves {

class Db;
class Ip;
struct Instruction;

/// The row that one call leaves in the audit trail. On the loop's thread.
class AuditRow {
public:
    virtual ~AuditRow() = default;
    /// Part of the transaction that makes the call's change: writes the row, "allowed, and it went well". For
    /// one write of the call, behind what that changes; the call is answered after it. `target`: the id of
    /// what is changed, where the call's fields don't name it.
    [[nodiscard]] virtual std::function<void(Db&)> also(std::string target) = 0;
    /// What an id stands for that the call names: the row tells where that is and what it runs, as far as the
    /// call's own fields don't. Before the write that `also` is part of.
    virtual void about(Ip const& agent, Instruction const& ins) = 0;
    /// What the row shows of the call, in place of its fields: JSON without a secret, some KiB at most.
    /// Before the write that `also` is part of.
    virtual void show(std::string text) = 0;
    /// The call's own key and token, which are not its `auth`, fit: the row is that key's.
    virtual void prove(std::string const& key) = 0;
    /// They do not fit, and the call is answered without an error: the row is a denied one ([401.5]) of
    /// nobody, which names the key that was claimed.
    virtual void claim(std::string_view key) = 0;
    /// The router's: the call has ended, with the code of that Error or with "". Where no change has brought
    /// the row to disk, it is written now.
    virtual void over(std::string_view refused) = 0;
};

} // namespace elves
