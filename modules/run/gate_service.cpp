#include "gate_service.hpp"

#include "elves/cron_fields.hpp"
#include "elves/error.hpp"
#include "run_fields.hpp"

namespace elves {

namespace {

json::array list_of(AppGlobs const& apps)
{
    json::array list;
    for (auto const& entry : apps.entries) list.emplace_back(entry);
    return list;
}

/// As text, whatever the trail shows of other calls: what holds back the work of others has to be told.
void show_in_audit(Caller const& caller, json::object const& change)
{
    if (caller.audit) caller.audit->show(json::serialize(change));
}

} // namespace

void GateService::declare(MethodTable& table)
{
    table
        .call<SetWindow>("setwindow", Right::manage,
            {required("name", &SetWindow::name), required("target", &SetWindow::target),
                optional("apps", &SetWindow::apps), optional("rule", &SetWindow::rule),
                optional("lasts", &SetWindow::lasts), optional("from", &SetWindow::from),
                optional("to", &SetWindow::to), optional("timezone", &SetWindow::timezone),
                optional("note", &SetWindow::note)},
            "Says when nothing of some apps starts on some hosts.",
            [this](SetWindow in, Caller caller) { return set_window(std::move(in), std::move(caller)); })
        .refuses_unknown_fields();
    table
        .call<ByName>("delwindow", Right::manage, {required("name", &ByName::name)}, "Deletes a window.",
            [this](ByName in, Caller caller) { return delete_window(std::move(in), std::move(caller)); })
        .refuses_unknown_fields();
    table
        .call<Nothing>("listwindows", Right::read, {}, "All windows, and which of them are closed now.",
            [this](Nothing, Caller const&) { return list_windows(); })
        .refuses_unknown_fields();
    table
        .call<SetCap>("setcap", Right::manage,
            {required("name", &SetCap::name), required("target", &SetCap::target),
                optional("apps", &SetCap::apps), required("most", &SetCap::most),
                optional("per", &SetCap::per)},
            "Says how many tasks of some apps may run at once on some hosts.",
            [this](SetCap in, Caller caller) { return set_cap(std::move(in), std::move(caller)); })
        .refuses_unknown_fields();
    table
        .call<ByName>("delcap", Right::manage, {required("name", &ByName::name)}, "Deletes a cap.",
            [this](ByName in, Caller caller) { return delete_cap(std::move(in), std::move(caller)); })
        .refuses_unknown_fields();
    table
        .call<Nothing>("listcaps", Right::read, {}, "All caps, and how many tasks each counts now.",
            [this](Nothing, Caller const&) { return list_caps(); })
        .refuses_unknown_fields();
}

asio::awaitable<Reply> GateService::set_window(SetWindow in, Caller caller)
{
    StartWindow window;
    window.name = std::move(in.name.text);
    window.target = std::move(in.target.text);
    window.apps = std::move(in.apps);
    window.rule = std::move(in.rule);
    window.lasts = in.lasts;
    window.from = std::move(in.from);
    window.to = std::move(in.to);
    window.zone = in.timezone;
    window.note = std::move(in.note.text);
    window.by = caller.by();
    window.set_at = clock_.now();
    // All that it names is there now; who is one of them is asked each time.
    static_cast<void>(co_await targets_.find_hosts(window.target, caller));
    show_in_audit(caller,
        {{"name", window.name}, {"target", window.target}, {"apps", list_of(window.apps)},
            {"rule", window.rule ? window.rule->text() : ""}, {"lasts", std::to_string(window.lasts.count())},
            {"from", window.from}, {"to", window.to}, {"note", window.note}});
    auto also = caller.also();
    co_await gate_.set(std::move(window), std::move(also));
    co_return Reply();
}

asio::awaitable<Reply> GateService::set_cap(SetCap in, Caller caller)
{
    constexpr std::int64_t most = 1'000'000;
    if (in.most < 1 || in.most > most)
        throw Error(
            codes::bad_field, "`most` is " + std::to_string(in.most) +
                                  "; give 1 to 1000000. Where nothing at all may start, set a window");
    StartCap cap;
    cap.name = std::move(in.name.text);
    cap.target = std::move(in.target.text);
    cap.apps = std::move(in.apps);
    cap.most = static_cast<std::size_t>(in.most);
    cap.per = std::move(in.per);
    cap.by = caller.by();
    cap.set_at = clock_.now();
    static_cast<void>(co_await targets_.find_hosts(cap.target, caller));
    show_in_audit(caller, {{"name", cap.name}, {"target", cap.target}, {"apps", list_of(cap.apps)},
                              {"most", std::to_string(cap.most)}, {"per", cap.per}});
    auto also = caller.also();
    co_await gate_.set(std::move(cap), std::move(also));
    co_return Reply();
}

asio::awaitable<Reply> GateService::delete_window(ByName in, Caller caller)
{
    show_in_audit(caller, {{"name", in.name.text}});
    auto also = caller.also();
    co_await gate_.erase_window(std::move(in.name.text), std::move(also));
    co_return Reply();
}

asio::awaitable<Reply> GateService::delete_cap(ByName in, Caller caller)
{
    show_in_audit(caller, {{"name", in.name.text}});
    auto also = caller.also();
    co_await gate_.erase_cap(std::move(in.name.text), std::move(also));
    co_return Reply();
}

Reply GateService::list_windows() const
{
    auto const now = clock_.now();
    json::array windows;
    for (auto const& [name, entry] : gate_.windows()) {
        auto const& window = entry.window;
        auto const zone = window.zone.value_or(zone_);
        auto const stretch = window.stretch(zone_, now);
        windows.push_back(json::object{{"name", name}, {"target", window.target},
            {"apps", list_of(window.apps)}, {"rule", window.rule ? window.rule->text() : ""},
            {"lasts", window.rule ? std::to_string(window.lasts.count()) : ""}, {"from", window.from},
            {"to", window.to}, {"timezone", zone.name()}, {"note", window.note}, {"by", window.by},
            {"time", zone_.text(window.set_at)}, {"closed", stretch.is_closed ? "true" : "false"},
            {"until", zone.text(stretch.to)}});
    }
    return Reply(json::object{{"windows", std::move(windows)}});
}

Reply GateService::list_caps() const
{
    json::array caps;
    for (auto const& [name, entry] : gate_.caps()) {
        auto const& cap = entry.cap;
        caps.push_back(json::object{{"name", name}, {"target", cap.target}, {"apps", list_of(cap.apps)},
            {"most", std::to_string(cap.most)}, {"per", cap.per}, {"by", cap.by},
            {"time", zone_.text(cap.set_at)}, {"running", std::to_string(entry.count.all())}});
    }
    return Reply(json::object{{"caps", std::move(caps)}});
}

} // namespace elves
