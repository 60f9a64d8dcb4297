// A module that is not on the tree's own list: built as a shared object of its own, found through `[modules]
// path`. docs/modules.md shows it.
#include "elves/log.hpp"
#include "elves/module.hpp"

namespace {

using namespace elves;

constexpr char const* schema = R"sql(
-- migration 1: entries
CREATE TABLE guestbook_entry (name TEXT NOT NULL);
)sql";

class Guestbook final : public Module {
public:
    explicit Guestbook(Store& store) : store_(store) {}
    [[nodiscard]] std::string_view name() const override { return "guestbook"; }
    void configure(Section const& section) override
    {
        greeting_ = section.text("greeting", "hello");
        longest_ = static_cast<std::size_t>(section.number("longest", 40, 1, 1000));
    }
    void declare(MethodTable& table) override
    {
        table.call<Entry>("sign", Right::operate, {required("name", &Entry::name)},
            "Adds a name to the book.",
            [this](Entry in, Caller const& caller) { return sign(std::move(in), caller); });
        table.call<Nothing>("count", Right::open, {}, "How many names the book has.",
            [this](Nothing, Caller const&) { return count(); });
    }

private:
    struct Entry {
        std::string name;
    };
    struct Nothing {};

    asio::awaitable<Reply> sign(Entry in, Caller caller)
    {
        if (in.name.size() > longest_)
            throw Error(codes::bad_field, "`name` is longer than " + std::to_string(longest_));
        Store::Work work = [name = in.name](Db& db) {
            db.run("INSERT INTO guestbook_entry VALUES (?)").bind(1, name).execute();
        };
        work = together(std::move(work), caller.also()); // The audit trail's row, in the same transaction.
        co_await store_.write(std::move(work));
        ELVES_LOG(info, "guestbook: one more name");
        co_return Reply({{"info", greeting_ + " " + in.name}});
    }

    asio::awaitable<Reply> count()
    {
        std::function<std::int64_t(Db&)> work = [](Db& db) {
            auto row = db.run("SELECT count(*) FROM guestbook_entry");
            return row.next() ? row.number(0) : 0;
        };
        auto const entries = co_await store_.read<std::int64_t>(std::move(work));
        co_return Reply({{"info", std::to_string(entries)}});
    }

    Store& store_;
    std::string greeting_;
    std::size_t longest_ = 0;
};

std::unique_ptr<Module> make_guestbook(Host& host)
{
    host.store.migrate("guestbook", schema);
    return std::make_unique<Guestbook>(host.store);
}

} // namespace

ELVES_LOADABLE_MODULE(make_guestbook)
