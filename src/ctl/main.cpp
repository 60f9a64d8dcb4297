#include "ctl/run.hpp"
#include "log/log_setup.hpp"

int main(int argc, char** argv)
{
    // What the libraries log is in the error that the command ends with: each is told once.
    elves::LogSetup::mute();
    return static_cast<int>(elves::ctl::run(std::vector<std::string>(argv + 1, argv + argc)));
}
