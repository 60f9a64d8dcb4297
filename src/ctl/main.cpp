#include "ctl/run.hpp"

int main(int argc, char** argv)
{
    return static_cast<int>(elves::ctl::run(std::vector<std::string>(argv + 1, argv + argc)));
}
