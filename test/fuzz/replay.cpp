// Every input of a corpus once more: `elves_fuzz_replay TARGET FOLDER_OR_FILE...`
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

#include "fuzz_target.hpp"

namespace {

namespace fs = std::filesystem;

void replay(elves::fuzz::TryInput try_input, fs::path const& file)
{
    // The last name that is printed is that of the input at fault.
    std::cout << file.string() << std::endl;
    std::ifstream in(file, std::ios::binary);
    // Of its own length, so that a sanitizer sees who reads past the end.
    std::vector<char> const bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    try_input({bytes.data(), bytes.size()});
}

int replay_all(elves::fuzz::TryInput try_input, std::vector<fs::path> const& places)
{
    std::size_t count = 0;
    for (auto const& place : places) {
        std::vector<fs::path> files;
        if (fs::is_directory(place)) {
            for (auto const& entry : fs::directory_iterator(place)) files.push_back(entry.path());
        } else {
            files.push_back(place);
        }
        for (auto const& file : files) replay(try_input, file);
        count += files.size();
    }
    std::cout << count << " inputs\n";
    return count == 0 ? 1 : 0;
}

} // namespace

int main(int argc, char** argv)
{
    std::vector<std::string> const words(argv + 1, argv + argc);
    auto const target = words.empty() ? elves::fuzz::targets().end() : elves::fuzz::targets().find(words[0]);
    if (target == elves::fuzz::targets().end() || words.size() < 2) {
        std::cerr << "usage: elves_fuzz_replay TARGET FOLDER_OR_FILE...; targets:";
        for (auto const& [name, try_input] : elves::fuzz::targets()) std::cerr << ' ' << name;
        std::cerr << '\n';
        return 2;
    }
    return replay_all(target->second, {words.begin() + 1, words.end()});
}
