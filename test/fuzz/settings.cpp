// A settings file is understood, or refused in one line that names it. What is understood is what stands
// there.
#include "elves/settings.hpp"

#include <algorithm>

#include "core/utf8.hpp"
#include "fuzz_target.hpp"
#include "server/server_settings.hpp"

using namespace elves;

namespace {

constexpr std::string_view name = "elves.conf";

bool one_line(std::string_view text)
{
    return std::none_of(text.begin(), text.end(), [](char c) {
        auto const code = static_cast<unsigned char>(c);
        return (code < 0x20 && c != '\t') || code == 0x7f;
    });
}

/// Runs `read`; false where it refused the file, as it may.
template <class Read>
bool accepts(Read&& read)
{
    try {
        read();
        return true;
    } catch (SettingsError const& error) {
        std::string_view const why = error.what();
        PROMISE(one_line(why) && is_utf8(why));
        PROMISE(why.starts_with(name) && why.substr(name.size()).starts_with(":"));
        // What would be right, or what is wrong, stands behind the place.
        PROMISE(why.size() > name.size() + 4);
        return false;
    }
}

bool trimmed(std::string_view text)
{
    constexpr auto blanks = " \t\r\n";
    return text.empty() || (text.find_first_of(blanks) != 0 && text.find_last_of(blanks) != text.size() - 1);
}

/// Every way to read a value: none gives anything but what is allowed.
void every_way(Section const& section, std::string_view file)
{
    auto const text = section.text("listen", "none");
    PROMISE(trimmed(text) && one_line(text) && is_utf8(text));
    PROMISE(section.has("listen") ? file.find(text) != std::string_view::npos : text == "none");
    accepts([&] {
        auto const number = section.number("max_frame", 7, 5, 900);
        PROMISE(number >= 5 && number <= 900);
        PROMISE(section.has("max_frame") || number == 7);
        PROMISE(!section.has("max_frame") || number == std::stoll(section.text("max_frame", "")));
    });
    accepts([&] {
        auto const time = section.seconds(
            "idle_timeout", std::chrono::seconds(3), std::chrono::seconds(1), std::chrono::seconds(60));
        PROMISE(time >= std::chrono::seconds(1) && time <= std::chrono::seconds(60));
    });
    accepts([&] {
        auto const mode = section.choice("mode", "a", {"a", "b", "open"});
        PROMISE(mode == "a" || mode == "b" || mode == "open");
    });
    accepts([&] {
        for (auto const& item : section.list("listen", {"none"})) {
            PROMISE(!item.empty() && trimmed(item) && item.find(',') == std::string::npos);
            PROMISE(text.find(item) != std::string::npos);
        }
    });
}

} // namespace

FUZZ_TARGET(settings)
{
    std::optional<Settings> settings;
    if (!accepts([&] { settings = Settings::parse(input, std::string(name)); })) return;
    every_way(settings->section("server"), input);
    every_way(settings->section("auth"), input);
    accepts([&] { settings->refuse_unknown(); });

    auto const anew = Settings::parse(input, std::string(name));
    std::optional<ServerSettings> server;
    if (!accepts([&] { server = ServerSettings::read(anew); })) return;
    PROMISE(!server->listen.empty());
    PROMISE(server->limits.max_frame >= 64 && server->limits.max_inflight >= 1);
    PROMISE(server->limits.close_bytes >= server->limits.max_frame + server->limits.pause_bytes);
    accepts([&] { anew.refuse_unknown(); });
}
