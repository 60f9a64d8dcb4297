#include "server/elves_service.hpp"

#include <array>
#include <filesystem>
#include <iterator>

#include "doctor/doctor.hpp"
#include "server/audit_methods.hpp"
#include "server/exposure.hpp"

namespace elves {

namespace {

constexpr auto lost_file_advice = "writes are refused: put the file back under its name, or stop the server, "
                                  "restore a backup, and start it again";

json::object described(Method const& method)
{
    json::array fields;
    for (auto const& field : method.fields) {
        fields.push_back(json::object{
            {"name", field.name}, {"type", field.type}, {"required", field.required ? "true" : "false"}});
    }
    json::array also(method.also.begin(), method.also.end());
    return {{"method", method.name}, {"mqt", method.is_cast ? "cast" : "call"},
        {"right", right_text(method.right)}, {"audited", audited_text(method.audited)},
        {"fields", std::move(fields)}, {"also", std::move(also)}, {"help", method.help}};
}

/// What is not known is left out.
json::object space_fields(DiskSpace const& space, Zone const& zone)
{
    json::object fields;
    if (space.file >= 0) fields["file_bytes"] = std::to_string(space.file);
    if (space.wal >= 0) fields["wal_bytes"] = std::to_string(space.wal);
    if (space.free >= 0) fields["free_bytes"] = std::to_string(space.free);
    if (space.last_backup > 0)
        fields["last_backup"] = zone.text(Instant(std::chrono::seconds(space.last_backup)));
    return fields;
}

struct NamedHolder {
    std::string_view what; ///< The member of `stats.largest`.
    std::string_view unit; ///< For a person.
    Quotas::Holder Quotas::Largest::*holder;
};

constexpr std::array holders{
    NamedHolder{"waiting_tasks", "unfinished tasks", &Quotas::Largest::waiting_tasks},
    NamedHolder{"waiting_bytes", "bytes of unfinished tasks", &Quotas::Largest::waiting_bytes},
    NamedHolder{"cron_jobs", "cron jobs", &Quotas::Largest::cron_jobs},
    NamedHolder{"bytes_today", "bytes written since midnight UTC", &Quotas::Largest::bytes_today}};

json::object largest_fields(Quotas const& quotas)
{
    auto const largest = quotas.largest();
    json::object fields;
    for (auto const& [what, unit, member] : holders) {
        auto const& holder = largest.*member;
        fields[what] = json::object{
            {"key", holder.key}, {"name", quotas.name_of(holder.key)}, {"held", std::to_string(holder.held)}};
    }
    return fields;
}

/// A line for each resource of which somebody holds some.
std::vector<std::string> largest_lines(Quotas const& quotas)
{
    auto const largest = quotas.largest();
    std::vector<std::string> lines;
    for (auto const& [what, unit, member] : holders) {
        auto const& holder = largest.*member;
        if (holder.held == 0) continue;
        auto const whose = holder.key.empty() ? std::string("callers without a key")
                                              : "key " + quotas.name_of(holder.key) + " (" + holder.key + ")";
        lines.push_back("most " + std::string(unit) + ": " + whose + ", " + std::to_string(holder.held));
    }
    return lines;
}

} // namespace

ElvesService::ElvesService(Host& host, Router const& router, LinkShared const& shared, Server const& server,
    ModuleSet const& modules, ServerSettings const& in_force, Authority const* authority,
    SqliteStore const& data_file)
    : clock_(host.clock)
    , store_(host.store)
    , zone_(host.zone)
    , router_(router)
    , shared_(shared)
    , server_(server)
    , modules_(modules)
    , quotas_(host.find<Quotas>())
    , in_force_(in_force)
    , authority_(authority)
    , data_file_(data_file)
    , store_path_(std::filesystem::absolute(in_force.store_path).string())
    , started_(host.clock.steady())
{
    if (auto* const metrics = host.find<Metrics>())
        metrics->add([this](MetricWriter& to) { write_metrics(to); });
}

/// The doctor reads the whole data file: a scrape shows what it last said.
void ElvesService::write_metrics(MetricWriter& to) const
{
    if (!last_doctor_) return;
    to.gauge("doctor_findings", "What elvesctl doctor found, when it was last run.",
        static_cast<double>(last_doctor_->findings));
    to.gauge("doctor_last_timestamp_seconds", "When elvesctl doctor was last run.",
        std::chrono::duration<double>(last_doctor_->at.time_since_epoch()).count());
}

void ElvesService::declare(MethodTable& table)
{
    table.call<Nothing>(
        "ping", Right::open, {}, "Is the server there?", [](Nothing, Caller const&) { return Reply(); });
    table.call<Nothing>("methods", Right::read, {}, "Every service, its methods and their fields.",
        [this](Nothing, Caller const&) { return methods(); });
    table.call<Nothing>("stats", Right::read, {}, "What the server is doing.",
        [this](Nothing, Caller const& caller) { return stats(caller); });
    table
        .call<Nothing>("doctor", Right::manage, {}, "Is what is on disk as it must be?",
            [this](Nothing, Caller const&) { return doctor(); })
        .only_reads();
    declare_audit_methods(table, store_, zone_);
}

Reply ElvesService::methods() const
{
    json::array services;
    for (auto const& [name, table] : router_.services()) {
        if (!table) continue;
        json::array methods;
        for (auto const& method : table->all()) methods.push_back(described(*method));
        services.push_back(json::object{{"service", name}, {"methods", std::move(methods)}});
    }
    return {{"services", std::move(services)}};
}

Reply ElvesService::stats(Caller const& caller) const
{
    using std::chrono::duration_cast;
    auto const up = duration_cast<std::chrono::seconds>(clock_.steady() - started_);
    json::array warnings;
    if (auto fault = data_file_.file_fault(); !fault.empty())
        warnings.emplace_back("store: " + fault + "; " + lost_file_advice);
    for (auto const& [check, what, advice] : data_file_.space_warnings())
        warnings.emplace_back(check + ": " + what + "; " + advice);
    for (auto& line : exposure(in_force_, clock_.now(), authority_)) warnings.emplace_back(std::move(line));
    for (auto& line : modules_.warnings()) warnings.emplace_back(line);
    json::array listen;
    for (auto const& place : server_.listening()) listen.emplace_back(place.text());
    json::object stats{{"version", ELVES_VERSION}, {"uptime", std::to_string(up.count())},
        {"connections", std::to_string(server_.connections())}, {"calls", std::to_string(shared_.calls)},
        {"auth_mode", auth_mode_text(in_force_.auth)}, {"timezone", zone_.name()},
        {"store_path", store_path_}, {"listen", std::move(listen)},
        {"tls", in_force_.tls ? in_force_.tls->fingerprint() : "off"},
        {"store", space_fields(data_file_.disk_space(), zone_)}, {"warnings", std::move(warnings)}};
    // It names keys, which are for admins to see.
    if (quotas_ && caller.may(Right::manage)) stats["largest"] = largest_fields(*quotas_);
    return {{"stats", std::move(stats)}};
}

/// What only the running server knows.
void ElvesService::add_live_findings(doctor::Diagnosis& diagnosis) const
{
    auto const admins = authority_ ? std::optional(authority_->admin_keys()) : std::nullopt;
    bool const needs_admin = in_force_.auth == AuthMode::keys || (admins && admins->has_had);
    if (in_force_.auth != AuthMode::open && admins && admins->count == 0 && needs_admin)
        diagnosis.findings.push_back({"auth.no_admin",
            "no admin key counts: nobody can administer this server over TCP",
            "make one over its Unix socket (elvesctl key add NAME --role admin), or stop it and run elvesd "
            "--init-admin NAME"});
    for (auto& line : modules_.warnings()) {
        if (line.starts_with("agent.contested"))
            diagnosis.findings.push_back({"heartbeat.contested", std::move(line),
                "stop one of the two machines, or correct its [agent] ip; elvesctl agent IP shows who asked "
                "last"});
    }
}

asio::awaitable<Reply> ElvesService::doctor()
{
    doctor::Diagnosis diagnosis;
    diagnosis.checked = 1;
    if (auto fault = data_file_.file_fault(); !fault.empty()) {
        // Of what is in it nobody can be asked: it can't be opened under its name, or is another file.
        diagnosis.findings.push_back({"store.file_there", std::move(fault), lost_file_advice});
        last_doctor_ = {diagnosis.findings.size(), clock_.now()};
        co_return Reply(to_json(diagnosis));
    }
    for (auto& [check, what, advice] : data_file_.space_warnings())
        diagnosis.findings.push_back({std::move(check), std::move(what), std::move(advice)});
    add_live_findings(diagnosis);
    // Each its own read, so that others get their turn in between.
    for (auto const& check : doctor::builtin_checks()) {
        doctor::Circumstances const with{clock_.now(), zone_, true};
        std::function<doctor::Diagnosis(Db&)> ask = [&check, with](
                                                        Db& db) { return examine(db, check, with); };
        diagnosis.add(co_await store_.scan<doctor::Diagnosis>(std::move(ask)));
    }
    last_doctor_ = {diagnosis.findings.size(), clock_.now()};
    if (authority_) {
        auto lines = authority_->failed_logins();
        std::move(lines.begin(), lines.end(), std::back_inserter(diagnosis.reports));
    }
    if (quotas_) {
        auto lines = largest_lines(*quotas_);
        std::move(lines.begin(), lines.end(), std::back_inserter(diagnosis.reports));
    }
    co_return Reply(to_json(diagnosis));
}

} // namespace elves
