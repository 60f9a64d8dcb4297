#include "elves/reply.hpp"

namespace elves {

json::object refusal(Error const& error) { return {{"flag", "false"}, {"error_info", error.info()}}; }

} // namespace elves
