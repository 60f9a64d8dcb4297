#include "elves/deployment.hpp"

#include "agent/deploy_settings.hpp"
#include "agent/run_rules.hpp"
#include "catch.hpp"
#include "core/ed25519.hpp"
#include "elves/base64.hpp"
#include "elves/caller.hpp"
#include "elves/error.hpp"
#include "elves/instruction.hpp"
#include "support/some_key.hpp"

using namespace elves;
using elves::agent::RunRules;

namespace {

constexpr std::string_view private_pem = "-----BEGIN PRIVATE KEY-----\n"
                                         "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                                         "-----END PRIVATE KEY-----\n";

Instruction ins_of(std::string func, std::string param)
{
    Instruction ins;
    ins.app = own_app;
    ins.func = std::move(func);
    ins.param = std::move(param);
    return ins;
}

Instruction deploy_of(std::string const& app)
{
    Deployment deployment{app, "1.2", std::string(64, 'a'), 10, {}};
    return ins_of("deploy", json::serialize(deployment.to_json()));
}

std::string fault(Instruction const& ins)
{
    try {
        static_cast<void>(Deployment::read(ins));
        return "";
    } catch (Error const& error) {
        return error.info();
    }
}

} // namespace

TEST_CASE("a deployment comes back as it was written", "[deploy]")
{
    auto const read = Deployment::read(deploy_of("nginx"));
    CHECK(read.app == "nginx");
    CHECK(read.version == "1.2");
    CHECK(read.size == 10);
    CHECK(deployed_app(deploy_of("nginx")) == "nginx");
    CHECK(deployed_app(ins_of("rollback", R"({"app":"nginx"})")) == "nginx");
    CHECK_FALSE(deployed_app(Instruction()));
}

TEST_CASE("a deployment is refused by the field that is wrong", "[deploy]")
{
    CHECK_THAT(fault(ins_of("reboot", "{}")), Catch::StartsWith("[403.7]"));
    CHECK_THAT(fault(ins_of("rollback", "no JSON")), Catch::StartsWith("[403.2]"));
    CHECK_THAT(fault(ins_of("rollback", "[]")), Catch::StartsWith("[403.2]"));
    CHECK_THAT(fault(ins_of("rollback", R"({"app":"../etc"})")), Catch::Contains("`app`"));
    CHECK_THAT(fault(ins_of("rollback", R"({"app":"elves"})")), Catch::Contains("`app`"));
    CHECK_THAT(fault(ins_of("deploy", R"({"app":"a","version":"../1"})")), Catch::Contains("`version`"));
    CHECK_THAT(
        fault(ins_of("deploy", R"({"app":"a","version":"1","sha256":"A"})")), Catch::Contains("`sha256`"));
    CHECK_THAT(
        fault(ins_of("deploy", R"({"app":"a","version":"1","sha256":")" + std::string(64, 'a') + R"("})")),
        Catch::Contains("`size`"));
    auto proxied = deploy_of("a");
    proxied.proxy = "sh|x";
    CHECK_THAT(fault(proxied), Catch::StartsWith("[403.10]"));
}

TEST_CASE("a version's name is one that a path, a target and APP@VERSION can have", "[deploy]")
{
    for (auto const* good : {"1", "1.24.0-rc1", "2:1.0~b+c_d"}) CHECK(is_app_version(good));
    for (auto const* bad : {"", ".1", "-1", "1/2", "1@2", "1 2", "1\n"}) CHECK_FALSE(is_app_version(bad));
    CHECK_FALSE(is_app_version(std::string(65, '1')));
}

TEST_CASE("who deploys an app needs a right to that app, not only to deployments", "[deploy]")
{
    auto key = std::make_shared<Key>(*some_key(Role::operator_));
    Caller caller;
    key->apps = {"elves"};
    caller.key = key;
    CHECK_THROWS_WITH(caller.require_run(deploy_of("nginx")), Catch::Contains("no rights on app nginx"));
    key->apps = {"nginx"};
    CHECK_THROWS_WITH(caller.require_run(deploy_of("nginx")), Catch::Contains("no rights on elves.deploy"));
    key->apps = {"elves.deploy", "nginx.re*"};
    CHECK_NOTHROW(caller.require_run(deploy_of("nginx")));
    CHECK_THROWS(caller.require_run(ins_of("rollback", R"({"app":"nginx"})")));
}

TEST_CASE("an agent takes deployments where its settings say so, of apps that it allows", "[deploy]")
{
    RunRules rules(std::vector<std::string>{"nginx", "demo.run"}, {"bad.*", "half.one"}, false);
    CHECK_THAT(rules.refusal(deploy_of("nginx")).value_or(""), Catch::Contains("[deploy]"));
    rules.accept_deployments(true);
    CHECK_FALSE(rules.refusal(deploy_of("nginx")));
    CHECK_FALSE(rules.refusal(deploy_of("demo")));
    CHECK_THAT(rules.refusal(deploy_of("other")).value_or(""), Catch::Contains("[agent] allow"));
    RunRules open;
    open.accept_deployments(true);
    CHECK_FALSE(open.refusal(deploy_of("other")));
    RunRules denying(std::nullopt, {"bad.*", "half.one"}, false);
    denying.accept_deployments(true);
    CHECK_THAT(denying.refusal(deploy_of("bad")).value_or(""), Catch::Contains("[agent] deny"));
    CHECK_THAT(denying.refusal(deploy_of("half")).value_or(""), Catch::Contains("[agent] deny"));
    CHECK_FALSE(denying.refusal(deploy_of("good")));
}

TEST_CASE("a signature is of one key, and of one app, version and content", "[deploy]")
{
    auto const key = Ed25519Key::from_pem(private_pem);
    Deployment deployment{"nginx", "1.2", std::string(64, 'a'), 10, {}};
    auto const signature = key.sign(deployment.signed_text());
    CHECK(is_signed_by(key.public_key(), deployment.signed_text(), signature));
    auto other = deployment;
    other.version = "1.3";
    CHECK_FALSE(is_signed_by(key.public_key(), other.signed_text(), signature));
    auto changed = signature;
    changed[5] = static_cast<char>(changed[5] ^ 1);
    CHECK_FALSE(is_signed_by(key.public_key(), deployment.signed_text(), changed));
    CHECK_FALSE(is_signed_by(std::string(32, 'x'), deployment.signed_text(), signature));
    CHECK_FALSE(is_signed_by("short", deployment.signed_text(), signature));
    CHECK_FALSE(is_signed_by(key.public_key(), deployment.signed_text(), ""));
    CHECK_THROWS_WITH(Ed25519Key::from_pem("no key"), Catch::Contains("Ed25519"));
}

TEST_CASE("the settings of deployments are refused by name", "[deploy]")
{
    auto const read = [](std::string const& text) {
        auto const settings = Settings::parse("[deploy]\n" + text + "\n", "agent.conf");
        return agent::DeploySettings::read(settings.section("deploy"), "/");
    };
    CHECK_FALSE(read("").accept);
    CHECK(read("accept = yes").accept);
    CHECK_THROWS_WITH(read("accept = maybe"), Catch::Contains("accept"));
    CHECK_THROWS_WITH(read("signers = abc"), Catch::Contains("signers"));
    auto const key = base64(Ed25519Key::from_pem(private_pem).public_key());
    CHECK(read("signers = " + key + ", " + key).signers.size() == 2);
    CHECK_THROWS_WITH(read("max_size = 1"), Catch::Contains("max_size"));
}
