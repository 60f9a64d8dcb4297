// A module whose calls still wait when the server stops. Their coroutines must be destroyed before it is:
// each looks at it when it ends, and ends the process where it is gone.
#include <cstdlib>

#include "elves/module.hpp"
#include "elves/one_shot.hpp"

namespace {

using namespace elves;

constexpr unsigned is_there = 0xE1FE5;

class Lingerer final : public Module {
public:
    explicit Lingerer(Host& host) : clock_(host.clock), store_(host.store) {}
    ~Lingerer() override { there_ = 0; }
    [[nodiscard]] std::string_view name() const override { return "lingerer"; }
    void declare(MethodTable& table) override
    {
        table.call<How>("linger", Right::open, {required("how", &How::how)},
            "Waits for an hour, for `time` or for the `store`.",
            [this](How in, Caller) { return linger(std::move(in)); });
        table.call<Nothing>(
            "waiting", Right::open, {}, "How many calls of `linger` wait.", [this](Nothing, Caller const&) {
                return Reply({{"info", std::to_string(waiting_)}});
            });
    }

private:
    struct How {
        std::string how;
    };
    struct Nothing {};
    /// One call that waits.
    class Guest {
    public:
        explicit Guest(Lingerer& host) : host_(host) { ++host_.waiting_; }
        ~Guest()
        {
            if (host_.there_ != is_there || --host_.waiting_ < 0) std::abort();
        }
        Guest(Guest const&) = delete;
        Guest& operator=(Guest const&) = delete;

    private:
        Lingerer& host_;
    };

    asio::awaitable<Reply> linger(How in)
    {
        Guest const guest(*this);
        if (in.how == "time") {
            co_await pause(clock_, std::chrono::hours(1));
        } else {
            std::function<int(Db&)> endless = [](Db& db) {
                db.script(
                    "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT sum(n) FROM c");
                return 0;
            };
            static_cast<void>(co_await store_.scan<int>(std::move(endless)));
        }
        co_return Reply();
    }

    Clock& clock_;
    Store& store_;
    unsigned volatile there_ = is_there;
    int waiting_ = 0;
};

std::unique_ptr<Module> make_lingerer(Host& host) { return std::make_unique<Lingerer>(host); }

} // namespace

ELVES_LOADABLE_MODULE(make_lingerer)
