#include "apps_service.hpp"

#include <algorithm>

#include "elves/page.hpp"

namespace elves {

namespace {

constexpr std::int64_t kib = 1024;
constexpr std::int64_t mib = 1024 * kib;
constexpr std::int64_t gib = 1024 * mib;

} // namespace

void AppsService::configure(Section const& section)
{
    Packages::Limits limits;
    limits.size = section.number("max_size", limits.size, kib, gib);
    limits.total = section.number("max_total", limits.total, kib, 1024 * gib);
    packages_.set_limits(limits);
}

void AppsService::declare(MethodTable& table)
{
    declare_packages(table);
    declare_assignments(table);
}

void AppsService::declare_packages(MethodTable& table)
{
    table
        .call<Push>("beginpush", Right::manage,
            {required("app", &Push::app), required("version", &Push::version),
                required("sha256", &Push::sha256), required("size", &Push::size),
                optional("signature", &Push::signature)},
            "Begins the upload of a version of an app: a package in pieces.",
            [this](Push in, Caller) { return begin_push(std::move(in)); })
        .may_change();
    table
        .call<Piece>("pushpiece", Right::manage,
            {required("upload", &Piece::upload), required("offset", &Piece::offset),
                required("data", &Piece::data)},
            "The next piece of an upload.",
            [this](Piece in, Caller caller) { return push_piece(std::move(in), std::move(caller)); })
        .may_change();
    table.call<End>("endpush", Right::manage, {required("upload", &End::upload)},
        "Ends an upload: the version is there once its bytes have the SHA-256 that was said.",
        [this](End in, Caller caller) { return end_push(in, std::move(caller)); });
    table
        .call<List>("listversions", Right::read,
            {optional("app", &List::app), optional("version", &List::version),
                optional("after", &List::after), optional("limit", &List::limit)},
            "The versions of apps that were pushed, in pages.",
            [this](List in, Caller const& caller) { return list(in, caller); })
        .cut_by_app();
    table.call<Version>("delversion", Right::manage,
        {required("app", &Version::app), required("version", &Version::version)}, "Deletes a version.",
        [this](Version in, Caller caller) { return erase(std::move(in), std::move(caller)); });
    table.call<Read>("readpiece", Right::report,
        {required("app", &Read::app), required("version", &Read::version), required("offset", &Read::offset),
            required("limit", &Read::limit)},
        "Bytes of a version's package, for an agent that deploys it.",
        [this](Read in, Caller caller) { return read_piece(std::move(in), std::move(caller)); });
}

void AppsService::declare_assignments(MethodTable& table)
{
    table
        .call<Assign>("setassignment", Right::manage,
            {required("app", &Assign::app), required("version", &Assign::version),
                required("target", &Assign::target), optional("note", &Assign::note)},
            "Says which hosts are to have which version: those that have another one get it when they "
            "register.",
            [this](Assign in, Caller caller) { return assign(std::move(in), std::move(caller)); })
        .refuses_unknown_fields();
    table.call<ById>("delassignment", Right::manage, {required("id", &ById::id)},
        "Deletes an assignment; hosts keep what they have.",
        [this](ById in, Caller caller) { return unassign(in, std::move(caller)); });
    table
        .call<Assigned>("listassignments", Right::read, {optional("app", &Assigned::app)},
            "The assignments, and how far their hosts are.",
            [this](Assigned in, Caller caller) { return list_assignments(std::move(in), std::move(caller)); })
        .cut_by_app()
        .cut_by_ip();
}

/// As many as fit into a frame, in base64 and with what else a call has.
std::int64_t AppsService::piece_bytes() const
{
    constexpr std::size_t envelope = 2 * 1024;
    auto const frame = limits_ ? limits_->max_frame() : ServerLimits::default_max_frame;
    auto const fits = frame > envelope ? (frame - envelope) / 4 * 3 : std::size_t{1};
    return static_cast<std::int64_t>(std::clamp<std::size_t>(fits, 1, package_piece_bytes));
}

asio::awaitable<Reply> AppsService::begin_push(Push in)
{
    if (in.app.text == own_app)
        throw Error(codes::bad_app, "`app` is \"elves\", which is reserved; give the app another name");
    if (in.size < 1)
        throw Error(codes::bad_field, "`size` is " + std::to_string(in.size) + "; give the package's bytes");
    Packages::Push push{std::move(in.app.text), std::move(in.version.text), std::move(in.sha256.text),
        std::move(in.signature.text), in.size};
    auto const begun = co_await packages_.begin(std::move(push));
    json::object fields;
    if (begun.upload) {
        fields["upload"] = begun.upload->text();
        fields["offset"] = std::to_string(begun.received);
        fields["piece"] = std::to_string(piece_bytes());
    } else {
        fields["known"] = "true";
    }
    co_return Reply(std::move(fields));
}

asio::awaitable<Reply> AppsService::push_piece(Piece in, Caller caller)
{
    auto const received =
        co_await packages_.add(in.upload, in.offset, std::move(in.data.bytes), std::move(caller));
    co_return Reply(json::object{{"offset", std::to_string(received)}});
}

asio::awaitable<Reply> AppsService::end_push(End in, Caller caller)
{
    auto const version = co_await packages_.end(in.upload, std::move(caller));
    co_return Reply(shown(version));
}

asio::awaitable<Reply> AppsService::erase(Version in, Caller caller)
{
    assignments_.require_unassigned(in.app.text, in.version.text);
    if (caller.audit)
        caller.audit->show(json::serialize(json::object{{"app", in.app.text}, {"version", in.version.text}}));
    auto also = caller.also();
    co_await packages_.erase(std::move(in.app.text), std::move(in.version.text), std::move(also));
    co_return Reply();
}

json::object AppsService::shown(AppVersion const& version) const
{
    return {{"app", version.app}, {"version", version.version}, {"size", std::to_string(version.size)},
        {"sha256", version.sha256}, {"signature", version.signature}, {"by", version.by},
        {"time", zone_.text(version.time)}};
}

Reply AppsService::list(List const& in, Caller const& caller) const
{
    auto const most = page_limit(in.limit);
    auto const split = in.after.find('@');
    auto const after = std::make_pair(
        in.after.substr(0, split), split == std::string::npos ? std::string() : in.after.substr(split + 1));
    auto const& all = packages_.all();
    json::array versions;
    std::string last;
    for (auto at = in.after.empty() ? all.begin() : all.upper_bound(after); at != all.end(); ++at) {
        auto const& version = at->second;
        if (in.app && version.app != in.app->text) continue;
        if (in.version && version.version != in.version->text) continue;
        if (!caller.may_use(version.app)) continue;
        if (versions.size() == most) return {{"versions", std::move(versions)}, {"next", last}};
        versions.push_back(shown(version));
        last = version.app + "@" + version.version;
    }
    return Reply(json::object{{"versions", std::move(versions)}});
}

asio::awaitable<Reply> AppsService::read_piece(Read in, Caller)
{
    constexpr auto most = static_cast<std::int64_t>(package_piece_bytes);
    if (in.limit < 1 || in.limit > most)
        throw Error(codes::bad_field,
            "`limit` is " + std::to_string(in.limit) + "; give 1 to " + std::to_string(most) + " bytes");
    auto version = packages_.find(in.app.text, in.version.text);
    json::object fields{{"size", std::to_string(version.size)}, {"sha256", version.sha256}};
    auto const bytes = co_await packages_.read(std::move(version), in.offset, in.limit);
    fields["data"] = base64(bytes);
    co_return Reply(std::move(fields));
}

asio::awaitable<Reply> AppsService::assign(Assign in, Caller caller)
{
    Assignment assignment;
    assignment.app = std::move(in.app.text);
    assignment.version = std::move(in.version.text);
    assignment.target = std::move(in.target);
    assignment.note = std::move(in.note.text);
    auto const made = co_await assignments_.put(std::move(assignment), std::move(caller));
    co_return Reply(json::object{{"id", made.id.text()}});
}

asio::awaitable<Reply> AppsService::unassign(ById in, Caller caller)
{
    co_await assignments_.erase(in.id, std::move(caller));
    co_return Reply();
}

asio::awaitable<Reply> AppsService::list_assignments(Assigned in, Caller caller) const
{
    json::array rows;
    for (auto const& assignment : assignments_.list(caller)) {
        if (in.app && assignment.app != in.app->text) continue;
        auto const progress = co_await assignments_.progress(assignment.id, caller);
        json::array failures;
        for (auto const& failure : progress.failures)
            failures.push_back(
                json::object{{"agentip", failure.host.text()}, {"failures", std::to_string(failure.failures)},
                    {"next", std::to_string(failure.next.count())}, {"error", failure.error}});
        rows.push_back(json::object{{"id", assignment.id.text()}, {"app", assignment.app},
            {"version", assignment.version}, {"target", assignment.target}, {"note", assignment.note},
            {"by", assignment.by}, {"time", zone_.text(assignment.time)},
            {"current", std::to_string(progress.current)}, {"waiting", std::to_string(progress.waiting)},
            {"failing", std::to_string(progress.failing)}, {"offline", std::to_string(progress.offline)},
            {"error", progress.error}, {"failures", std::move(failures)}});
    }
    co_return Reply(json::object{{"assignments", std::move(rows)}});
}

} // namespace elves
