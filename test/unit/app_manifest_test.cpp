#include "agent/app_manifest.hpp"

#include <sys/stat.h>

#include "agent/json_check.hpp"
#include "catch.hpp"
#include "elves/error.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using namespace elves::agent;
namespace fs = std::filesystem;

namespace {

std::string refusal(std::string const& text)
{
    try {
        (void)AppManifest::parse(text, "app.json");
        return "";
    } catch (Error const& refused) {
        return refused.info();
    }
}

std::string refusal(AppFunction const& function, std::string const& param)
{
    try {
        function.check_param(param);
        return "";
    } catch (Error const& refused) {
        return refused.info();
    }
}

/// With one field of its only function.
std::string with(std::string const& field)
{
    return R"({"functions":{"reload":{"file":"a",)" + field + "}}}";
}

} // namespace

TEST_CASE(
    "a manifest says for each function which file runs, by what, and with which param", "[app-manifest]")
{
    auto const manifest = AppManifest::parse(R"({
        "description": "what later versions add here is left alone", "version": "1.2",
        "functions": {
            "reload": {"file": "bin/reload.sh", "interpreter": "sh", "params": "none", "description": "d"},
            "status": {"file": "bin/status", "params": "json", "max_bytes": 100,
                "needs_allow": true}}})",
        "app.json");
    CHECK(manifest.size() == 2);
    auto const& reload = manifest.function("reload");
    CHECK((reload.file == "bin/reload.sh" && reload.interpreter == "sh"));
    CHECK(reload.params == AppFunction::Params::none);
    auto const& status = manifest.function("status");
    CHECK((status.needs_allow && !reload.needs_allow));
    CHECK((status.file == "bin/status" && status.interpreter.empty() && status.max_bytes == 100));
    CHECK_THROWS_WITH(manifest.function("stop"),
        "`ins.func` is \"stop\", and the app's app.json does not have that function; it has: reload, status");
    CHECK(AppManifest::parse(R"({"functions":{}})", "app.json").size() == 0);
}

TEST_CASE("what is wrong with a manifest is told by its field", "[app-manifest]")
{
    std::string const is = "[403.3] app.json is invalid: ";
    CHECK(refusal("").starts_with(is + "not JSON: "));
    CHECK(refusal("{").starts_with(is + "not JSON: "));
    CHECK(refusal("[]") == is + "it is []; expected an object with functions");
    CHECK(refusal("{}") == is + "functions is missing; expected an object, a function's name each");
    CHECK(
        refusal(R"({"functions":[]})") == is + "functions is []; expected an object, a function's name each");
    CHECK(refusal(R"({"functions":{"-x":{"file":"a"}}})").starts_with(is + "functions has \"-x\"; expected"));
    CHECK(refusal(R"({"functions":{"a/b":{"file":"a"}}})").starts_with(is + "functions has \"a/b\""));
    CHECK(refusal(R"({"functions":{"reload":5}})") ==
          is + "functions.reload is 5; expected an object with the function's file");
    CHECK(refusal(R"({"functions":{"reload":{}}})") ==
          is + "functions.reload.file is missing; expected a path inside the app's folder");
    CHECK(refusal(R"({"functions":{"reload":{"file":5}}})") ==
          is + "functions.reload.file is 5; expected a path inside the app's folder, of up to 256 bytes");
    CHECK(refusal(with(R"("file":"")")).starts_with(is + "functions.reload.file is \"\""));
    CHECK(refusal(with(R"("interpreter":5)")).starts_with(is + "functions.reload.interpreter is 5"));
    CHECK(refusal(with(R"("params":"any")")) ==
          is + "functions.reload.params is \"any\"; expected \"none\", \"text\" or \"json\"");
    for (std::string const wrong : {"-1", "1048577", "\"7\"", "0.5", "null"})
        CHECK(refusal(with(R"("max_bytes":)" + wrong)).starts_with(is + "functions.reload.max_bytes is "));
    CHECK(refusal(with(R"("needs_allow":1)")) ==
          is + "functions.reload.needs_allow is 1; expected true or false");
    CHECK(refusal(with(R"("parms":"none")")) ==
          is + "functions.reload.parms is not a field; expected file, interpreter, params, max_bytes, "
               "needs_allow or description");
    CHECK(refusal(R"({"functions":{"reload":{"file":{"a":{}}}}})") ==
          is + "functions.reload.file is {\"a\":{}}; expected a path inside the app's folder, of up to 256 "
               "bytes");
    CHECK(
        refusal(R"({"functions":{"f":{"file":"a"},"f":{"file":"b"}}})") == is + "functions.f is there twice");
    CHECK(refusal(R"({"functions":{}})" + std::string(70'000, ' ')) == is + "it has more than 65536 bytes");
    std::string many = R"({"functions":{"f":{"file":"a"})";
    for (int i = 1; i < 257; ++i) many += R"(,"f)" + std::to_string(i) + R"(":{"file":"a"})";
    CHECK(refusal(many + "}}") == is + "functions has more than 256");
}

TEST_CASE("a param is held to what its function takes", "[app-manifest]")
{
    AppFunction function;
    CHECK(refusal(function, std::string(1024 * 1024, 'x')).empty());
    function.max_bytes = 3;
    CHECK(refusal(function, "abc").empty());
    CHECK(refusal(function, "abcd") == "[403.2] `ins.param` has 4 bytes; this function takes at most 3");
    function.params = AppFunction::Params::none;
    CHECK(refusal(function, "").empty());
    CHECK(refusal(function, "x") ==
          "[403.2] `ins.param` has 1 bytes, and this function takes none; leave it out");
    function = {};
    function.params = AppFunction::Params::json;
    CHECK(refusal(function, "{\"a\":[1,2]} ").empty());
    for (std::string const wrong : {"", "{", "a", "1 2", "{\"a\":1}x"})
        CHECK(refusal(function, wrong) ==
              "[403.2] `ins.param` is not JSON; this function takes one JSON value");
    CHECK_FALSE(is_json(std::string(40, '[') + std::string(40, ']')));
}

TEST_CASE("a manifest is read only where nobody else could have written it", "[app-manifest]")
{
    TempFolder folder;
    auto const app = folder.path() / "app";
    folder.write("app/app-worker.sh", "");
    auto const read = [&]() -> std::string {
        try {
            return AppManifest::read(app) ? "read" : "none";
        } catch (Error const& refused) {
            return refused.info();
        }
    };
    CHECK(read() == "none");
    folder.write("app/app.json", R"({"functions":{}})");
    CHECK(read() == "read");
    auto const file = app / "app.json";
    ::chmod(file.c_str(), 0666);
    CHECK(read().starts_with("[401.6] this agent does not start the app \"app\": " + file.string()));
    fs::remove(file);
    fs::create_symlink("nowhere", file);
    CHECK(read().starts_with("[403.3] " + file.string() + " is invalid: it can't be opened"));
    fs::remove(file);
    folder.write("other/app.json", R"({"functions":{}})");
    fs::create_symlink("../other/app.json", file);
    CHECK(read() ==
          "[403.3] " + file.string() + " is invalid: it is a link that leads out of the app's folder");
    fs::remove(file);
    fs::create_directory(file);
    CHECK(read() == "[403.3] " + file.string() + " is invalid: it is not a regular file");
    fs::remove(file);
    REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
    CHECK(read() == "[403.3] " + file.string() + " is invalid: it is not a regular file");
}
