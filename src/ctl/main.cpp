#include "ctl/run.hpp"
#include "log/log_setup.hpp"

int main(int argc, char** argv)
{
    // What the libraries log is in the error that the command ends with: each is told once.
    elves::LogSettings quiet;
    quiet.level = elves::log::Level::error;
    quiet.to_stderr = false;
    elves::LogSetup const log(quiet);
    return static_cast<int>(elves::ctl::run(std::vector<std::string>(argv + 1, argv + argc)));
}
