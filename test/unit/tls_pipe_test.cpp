#include "rpc/tls_pipe.hpp"

#include <filesystem>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "catch.hpp"
#include "client/tls_settings.hpp"
#include "ctl/certificates.hpp"

using namespace elves;
using ctl::CertificateFor;

using Catch::Contains;

namespace {

/// A CA's folder with certificates of a server and of an agent.
struct Fleet {
    std::string folder =
        (std::filesystem::temp_directory_path() / ("elves-tls-" + std::to_string(::getpid()))).string();
    std::string pin;

    Fleet()
    {
        std::filesystem::remove_all(folder);
        ctl::make_ca(folder, std::chrono::days(2));
        pin = ctl::make_certificate(
            folder, "server", {"elves.test", "10.0.0.1"}, CertificateFor::server, std::chrono::days(2));
        static_cast<void>(ctl::make_certificate(
            folder, "agent", {"10.0.0.7"}, CertificateFor::agent, std::chrono::days(2)));
    }
    ~Fleet() { std::filesystem::remove_all(folder); }
    [[nodiscard]] std::string file(std::string const& name) const { return folder + "/" + name + ".pem"; }
    [[nodiscard]] TlsIdentity identity(std::string const& name) const
    {
        return {file(name), file(name + "-key")};
    }
};

/// The same key, behind a passphrase.
void encrypt(std::string const& path)
{
    auto* in = std::fopen(path.c_str(), "r");
    auto* const key = PEM_read_PrivateKey(in, nullptr, nullptr, nullptr);
    std::fclose(in);
    auto* out = std::fopen(path.c_str(), "w");
    unsigned char const word[] = "secret";
    REQUIRE(PEM_write_PrivateKey(out, key, EVP_aes_128_cbc(), word, 6, nullptr, nullptr) == 1);
    std::fclose(out);
    EVP_PKEY_free(key);
}

/// Two pipes and the wire between them.
struct Talk {
    TlsPipe server;
    TlsPipe client;
    std::string server_heard;
    std::string client_heard;

    using Context = std::shared_ptr<TlsContext const>;
    Talk(Context at_server, Context at_client, std::string const& host = "elves.test")
        : server(std::move(at_server)), client(std::move(at_client), host)
    {
        carry();
    }
    /// `piece`: at most so many bytes at once.
    void carry(std::size_t piece = static_cast<std::size_t>(-1))
    {
        while (carry_one(client, server, server_heard, piece) ||
               carry_one(server, client, client_heard, piece)) {
        }
    }
    static bool carry_one(TlsPipe& from, TlsPipe& to, std::string& heard, std::size_t piece)
    {
        std::string wire;
        from.to_wire(wire);
        for (std::string_view left = wire; !left.empty(); left.remove_prefix(std::min(piece, left.size()))) {
            std::string text;
            to.receive(left.substr(0, piece), text);
            heard += text;
        }
        return !wire.empty();
    }
};

} // namespace

TEST_CASE("what one side says over TLS is what the other hears, however the wire cuts it", "[tls]")
{
    Fleet const fleet;
    auto const server = TlsContext::for_server(fleet.identity("server"), "");
    auto const client = TlsContext::for_client({fleet.file("ca"), {}}, {});
    auto const piece = GENERATE(std::size_t(1), std::size_t(7), std::size_t(1'000'000));
    Talk talk(server, client);
    REQUIRE(talk.client.is_ready());
    REQUIRE(talk.server.is_ready());
    std::string const much(100'000, 'x');
    CHECK(talk.client.send("hello"));
    CHECK(talk.server.send(much));
    CHECK(talk.client.send(" server"));
    talk.carry(piece);
    CHECK(talk.server_heard == "hello server");
    CHECK(talk.client_heard == much);
}

TEST_CASE("one side's finish is the other's end, and what was said before it is heard", "[tls]")
{
    Fleet const fleet;
    auto const server = TlsContext::for_server(fleet.identity("server"), "");
    auto const client = TlsContext::for_client({fleet.file("ca"), {}}, {});
    Talk talk(server, client);
    CHECK(talk.server.send("last words"));
    talk.server.finish();
    talk.carry();
    CHECK(talk.client_heard == "last words");
    CHECK(talk.client.is_finished());
    CHECK(talk.client.fault().empty());
}

TEST_CASE("a client takes a server by CA and name, CA and address, or pin, and no other", "[tls]")
{
    Fleet const fleet;
    auto const server = TlsContext::for_server(fleet.identity("server"), "");
    auto const talks = [&](TlsTrust const& trust, std::string const& host) {
        auto const client = TlsContext::for_client(trust, {});
        Talk const talk(server, client, host);
        // In TLS 1.3 the server may be ready before it hears that it was not trusted.
        CHECK(talk.client.is_ready() == talk.client.fault().empty());
        return talk.client.is_ready();
    };
    std::string const other_pin(64, '0');
    CHECK(talks({fleet.file("ca"), {}}, "elves.test"));
    CHECK(talks({fleet.file("ca"), {}}, "10.0.0.1"));
    CHECK_FALSE(talks({fleet.file("ca"), {}}, "other.test"));
    CHECK_FALSE(talks({fleet.file("ca"), {}}, "10.0.0.2"));
    CHECK(talks({"", {other_pin, fleet.pin}}, "anything"));
    CHECK_FALSE(talks({"", {other_pin}}, "elves.test"));
    CHECK_FALSE(talks({fleet.file("ca"), {other_pin}}, "elves.test"));
    CHECK_FALSE(talks({fleet.file("ca"), {fleet.pin}}, "other.test"));
}

TEST_CASE("an agent's certificate says who it is; without client_ca nobody is asked", "[tls]")
{
    Fleet const fleet;
    auto const client = TlsContext::for_client({fleet.file("ca"), {}}, fleet.identity("agent"));
    auto const asking = TlsContext::for_server(fleet.identity("server"), fleet.file("ca"));
    Talk const asked(asking, client);
    CHECK(asked.server.peer().name == "10.0.0.7");
    CHECK(asked.server.peer().ips == std::vector{*Ip::parse("10.0.0.7")});
    auto const silent = TlsContext::for_server(fleet.identity("server"), "");
    Talk const unasked(silent, client);
    CHECK(unasked.server.is_ready());
    CHECK(unasked.server.peer().name.empty());
}

TEST_CASE("a server's certificate does not stand for an agent", "[tls]")
{
    Fleet const fleet;
    auto const server = TlsContext::for_server(fleet.identity("server"), fleet.file("ca"));
    auto const client = TlsContext::for_client({fleet.file("ca"), {}}, fleet.identity("server"));
    Talk const talk(server, client);
    CHECK_FALSE(talk.server.is_ready());
    CHECK(talk.server.fault().find("not trusted") != std::string::npos);
}

TEST_CASE("a private key behind a passphrase is refused: a server has nobody to ask for it", "[tls]")
{
    Fleet const fleet;
    encrypt(fleet.file("server-key"));
    try {
        (void)TlsContext::for_server(fleet.identity("server"), "");
        FAIL("taken");
    } catch (TlsError const& problem) {
        CHECK(problem.setting() == "key");
        CHECK(std::string(problem.what()).find("without a passphrase") != std::string::npos);
    }
}

TEST_CASE("bytes that are no TLS are a fault, after which nothing more is heard", "[tls]")
{
    Fleet const fleet;
    auto const server = TlsContext::for_server(fleet.identity("server"), "");
    auto const client = TlsContext::for_client({fleet.file("ca"), {}}, {});
    Talk talk(server, client);
    std::string text;
    talk.server.receive("no record at all", text);
    CHECK(text.empty());
    CHECK_FALSE(talk.server.fault().empty());
    CHECK_FALSE(talk.server.send("anything"));
    CHECK(talk.client.send("hello"));
    talk.carry();
    CHECK(talk.server_heard.empty());
}

TEST_CASE("a fingerprint may have colons and capitals, and nothing else", "[tls]")
{
    std::string const plain(64, 'a');
    CHECK(plain_fingerprint(plain) == plain);
    CHECK(plain_fingerprint("AA:" + std::string(62, 'A')) == plain);
    CHECK(plain_fingerprint("").empty());
    CHECK(plain_fingerprint(plain + "a").empty());
    CHECK(plain_fingerprint(std::string(63, 'a') + "g").empty());
}

TEST_CASE("a client's [tls] line that says nothing is refused, not taken for plain text", "[tls]")
{
    for (std::string const key : {"ca", "pin", "cert", "key"}) {
        for (std::string const value : {"", " , "}) {
            auto const read = [&] {
                auto const settings = Settings::parse("[tls]\n" + key + " =" + value + "\n", "agent.conf");
                return tls_of_client(settings.section("tls"));
            };
            // " , " is a value, and names nothing.
            auto const what = value.empty() ? "[tls] " + key + ": the value is empty" : std::string("[tls] ");
            CHECK_THROWS_WITH(read(), Contains(what));
        }
    }
    CHECK(tls_of_client(Settings::parse("", "agent.conf").section("tls")) == nullptr);
}

TEST_CASE("a server's [tls] line that says nothing is refused, not taken for plain text", "[tls]")
{
    for (std::string const key : {"cert", "key", "client_ca"}) {
        auto const read = [&] {
            auto const settings = Settings::parse("[tls]\n" + key + " =\n", "elves.conf");
            return tls_of_server(settings.section("tls"));
        };
        CHECK_THROWS_WITH(read(), Contains("[tls] " + key) && Contains("is empty"));
    }
    CHECK(tls_of_server(Settings::parse("", "elves.conf").section("tls")) == nullptr);
}

namespace {

/// OpenSSL's own client, which does what a TlsPipe never does.
struct RawClient {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL* ssl = SSL_new(context);

    explicit RawClient(int version)
    {
        SSL_set_max_proto_version(ssl, version);
        SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_connect_state(ssl);
    }
    ~RawClient()
    {
        SSL_free(ssl);
        SSL_CTX_free(context);
    }
    [[nodiscard]] std::string to_wire() const
    {
        std::string wire(BIO_ctrl_pending(SSL_get_wbio(ssl)), '\0');
        std::size_t got = 0;
        if (!wire.empty()) BIO_read_ex(SSL_get_wbio(ssl), wire.data(), wire.size(), &got);
        return wire;
    }
    void shake_hands(TlsPipe& server) const
    {
        for (int i = 0; i < 10 && !server.is_ready(); ++i) {
            SSL_do_handshake(ssl);
            std::string ignored;
            server.receive(to_wire(), ignored);
            std::string wire;
            server.to_wire(wire);
            BIO_write(SSL_get_rbio(ssl), wire.data(), static_cast<int>(wire.size()));
        }
        REQUIRE(server.is_ready());
    }
    /// Asks for new keys that often, and says `text` in between.
    [[nodiscard]] std::string updates(int count, std::string const& text = "") const
    {
        std::string wire;
        for (int i = 0; i < count; ++i) {
            REQUIRE(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1);
            REQUIRE(SSL_do_handshake(ssl) == 1);
            if (!text.empty()) SSL_write(ssl, text.data(), static_cast<int>(text.size()));
            wire += to_wire();
        }
        return wire;
    }
};

} // namespace

TEST_CASE("a peer that asks for new keys again and again is given up after a few of them", "[tls]")
{
    Fleet const fleet;
    TlsPipe server(TlsContext::for_server(fleet.identity("server"), ""));
    RawClient const client(TLS1_3_VERSION);
    client.shake_hands(server);
    auto const text = GENERATE(std::string(), std::string("x"));
    std::string heard;
    server.receive(client.updates(2'000, text), heard);
    CHECK_THAT(server.fault(), Contains("too many key updates"));
    CHECK(heard.size() < 100);
    CHECK(server.unsent() < 4'096);
}

TEST_CASE("a peer that asks for new keys now and then goes on", "[tls]")
{
    Fleet const fleet;
    TlsPipe server(TlsContext::for_server(fleet.identity("server"), ""));
    RawClient const client(TLS1_3_VERSION);
    client.shake_hands(server);
    std::string const much(16'384, 'x');
    for (int megabyte = 0; megabyte < 40; ++megabyte) {
        std::string heard;
        server.receive(client.updates(1), heard);
        for (int i = 0; i < 64; ++i) {
            SSL_write(client.ssl, much.data(), static_cast<int>(much.size()));
            server.receive(client.to_wire(), heard);
        }
        CHECK(heard.size() == much.size());
        std::string wire;
        server.to_wire(wire);
        BIO_write(SSL_get_rbio(client.ssl), wire.data(), static_cast<int>(wire.size()));
        char ignored = 0;
        SSL_read(client.ssl, &ignored, 1);
    }
    CHECK(server.fault().empty());
}

TEST_CASE("many small records in one read come out as they went in", "[tls]")
{
    Fleet const fleet;
    auto const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    TlsPipe server(TlsContext::for_server(fleet.identity("server"), ""));
    RawClient const client(version);
    client.shake_hands(server);
    std::string said;
    std::string wire;
    for (int i = 0; i < 1'000; ++i) {
        auto const word = std::to_string(i) + " ";
        SSL_write(client.ssl, word.data(), static_cast<int>(word.size()));
        said += word;
        wire += client.to_wire();
    }
    std::string heard;
    server.receive(wire, heard);
    CHECK(heard == said);
    CHECK(server.fault().empty());
}

TEST_CASE("a handshake of more than 128 KiB is given up", "[tls]")
{
    Fleet const fleet;
    TlsPipe server(TlsContext::for_server(fleet.identity("server"), ""));
    // A change of cipher that TLS 1.3 has for the sake of old middleboxes, and ignores.
    std::string wire;
    for (int i = 0; i < 100'000 && server.fault().empty(); ++i) {
        std::string ignored;
        server.receive(std::string_view("\x14\x03\x03\x00\x01\x01", 6), ignored);
    }
    CHECK_FALSE(server.fault().empty());
}
