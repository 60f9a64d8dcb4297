#include "file_right.hpp"

#include "elves/error.hpp"
#include "elves/json_fields.hpp"

namespace elves {

std::string missing_file_right(CronJob const& job, Authority const* keys)
{
    if (job.ins.proxy.empty() || job.by.empty() || keys == nullptr) return {};
    auto const key = keys->find_key(job.by);
    if (!key || key->may_choose_files()) return {};
    return Error(codes::forbidden,
        "`ins.proxy` is " + shown(job.ins.proxy) + ", and key " + job.by +
            ", which set this job, does not have the right `files`: set the job without it, or give the key "
            "that right (elvesctl key set " +
            job.by + " --files true)")
        .info();
}

} // namespace elves
