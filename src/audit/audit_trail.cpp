#include "audit/audit_trail.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <type_traits>
#include <utility>

#include "elves/ad_hoc.hpp"
#include "elves/error.hpp"
#include "elves/instruction.hpp"
#include "elves/json_fields.hpp"
#include "elves/log.hpp"
#include "elves/sha256.hpp"
#include "elves/task_id.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds between_counts = 60s;
constexpr std::chrono::milliseconds between_heads = 1h;
/// A longer param is told by its digest, whatever the settings say.
constexpr std::size_t longest_param = 4'096;

std::string_view text_in(JsonValue const& fields, std::string_view name)
{
    auto const* const value = fields.find(name);
    return value ? value->string_or_empty() : std::string_view();
}

/// A token of ours is `elv_` or `elvjoin_` and 43 characters: somebody may have written one anywhere.
bool may_hold_token(std::string_view text)
{
    constexpr std::size_t most_of_one = 36;
    if (text.size() < most_of_one) return false;
    auto const begins = [text](std::string_view prefix) {
        auto const at = text.find(prefix);
        return at != std::string_view::npos && text.size() - at >= most_of_one;
    };
    return begins("elv_") || begins("elvjoin_");
}

/// Only what can be an id: a token that was given in place of a key must not come into the trail.
std::string plain_id(std::string_view text)
{
    auto const id = TaskId::parse(text);
    return id ? id->text() : std::string();
}

std::string plain_name(std::string_view text)
{
    return is_name(text) && !may_hold_token(text) ? std::string(text) : std::string();
}

std::string plain_proxy(std::string_view text)
{
    constexpr std::size_t longest = 256;
    return text.size() <= longest && !may_hold_token(text) ? std::string(text) : std::string();
}

JsonValue const* object_in(JsonValue const& fields, std::string_view name)
{
    auto const* const value = fields.find(name);
    return value && value->is_object() ? value : nullptr;
}

/// The key that the call claims, and did not prove.
std::string claimed_key(JsonValue const& fields, Peer const& peer)
{
    if (auto const* const auth = object_in(fields, "auth")) return plain_id(text_in(*auth, "key"));
    return plain_id(peer.bound_key().key);
}

/// The call's own fields, without those that have a column of their own and what must not be kept.
bool is_param(std::string_view field)
{
    constexpr std::size_t longest = 10;
    if (field.size() > longest) return true;
    constexpr std::array<std::string_view, 8> others{
        "mqt", "mqs", "mqf", "mqid", "agentip", "auth", "token", "join_token"};
    return std::find(others.begin(), others.end(), field) == others.end();
}

/// `ins`, where the call says nothing else but where to run what.
JsonValue const* only_instruction(JsonValue const& fields)
{
    JsonValue const* only = nullptr;
    for (auto const& field : fields) {
        if (!is_param(field.name())) continue;
        if (only != nullptr) return nullptr;
        only = &field;
    }
    return only != nullptr && only->name() == "ins" && only->is_object() ? only : nullptr;
}

/// The call's own fields as JSON; of an instruction that alone.
std::string own_text(JsonValue const& fields)
{
    if (auto const* const ins = only_instruction(fields)) return json_text(*ins);
    std::string kept;
    for (auto const& field : fields) {
        if (!is_param(field.name())) continue;
        kept += kept.empty() ? '{' : ',';
        kept.append(json::serialize(json::string_view(field.name()))).append(":").append(json_text(field));
    }
    return kept.empty() ? kept : kept + '}';
}

/// Everything that decides what an instruction runs, as it was sent, each as a netstring, up to the last one
/// that was.
std::string deciding_text(JsonValue const& ins)
{
    constexpr std::array<std::string_view, 8> names{
        "mode", "app", "func", "param", "timeout", "proxy", "ttl", "dedup"};
    std::array<JsonValue const*, names.size()> values{};
    std::size_t given = 0;
    for (auto const& member : ins) {
        auto const at =
            static_cast<std::size_t>(std::find(names.begin(), names.end(), member.name()) - names.begin());
        if (at == names.size()) continue;
        values[at] = &member;
        given = std::max(given, at + 1);
    }
    constexpr std::size_t usual = 128;
    std::string bytes;
    bytes.reserve(usual);
    for (std::size_t i = 0; i < given; ++i) {
        auto const* const value = values[i];
        if (value == nullptr) {
            bytes += "0:,";
        } else if (value->is_string()) {
            audit::append_netstring(bytes, value->string());
        } else {
            audit::append_netstring(bytes, json_text(*value));
        }
    }
    return bytes;
}

std::string digest(std::string_view text)
{
    thread_local Sha256 sha256;
    return "sha256:" + sha256.hex(text);
}

/// What a row shows of what was asked for.
struct ShownParam {
    std::string text;
    bool is_digested = false; ///< It shows the digest of `text`.
};

ShownParam shown_param(JsonValue const& fields, AuditSettings::Param how)
{
    if (how == AuditSettings::Param::none) return {};
    auto const* const ins = only_instruction(fields);
    bool const is_ad_hoc = ins != nullptr && is_audited_as_text(text_in(*ins, "app"));
    if (how == AuditSettings::Param::text || is_ad_hoc) {
        auto text = own_text(fields);
        if (text.size() <= longest_param && !may_hold_token(text)) return {std::move(text), false};
    }
    auto text = ins != nullptr ? deciding_text(*ins) : own_text(fields);
    bool const is_digested = !text.empty();
    return {std::move(text), is_digested};
}

bool is_denial(std::string_view code) { return code.starts_with("401."); }

/// What the call says in fields that its method has: what it says in others is nobody's word. Null or "" for
/// what it does not say.
struct Said {
    std::string_view agentip{};
    std::string_view appname{};
    std::string_view id{};
    std::string_view key{};
    JsonValue const* ins = nullptr;

    [[nodiscard]] static Said of(AuditTrail::Call const& call)
    {
        Said said;
        // The last member of a name counts, as in JsonValue::find.
        for (auto const& member : call.fields) {
            auto const name = member.name();
            if (name == "agentip") said.agentip = member.string_or_empty();
            if (name == "appname") said.appname = member.string_or_empty();
            if (name == "id") said.id = member.string_or_empty();
            if (name == "key") said.key = member.string_or_empty();
            if (name == "ins") said.ins = member.is_object() ? &member : nullptr;
        }
        auto const forget = [&call](std::string_view name, auto& what) {
            if (what != std::remove_reference_t<decltype(what)>() && !declares(call.method, name)) what = {};
        };
        forget("agentip", said.agentip);
        forget("appname", said.appname);
        forget("id", said.id);
        forget("key", said.key);
        forget("ins", said.ins);
        return said;
    }

private:
    [[nodiscard]] static bool declares(Method const& method, std::string_view name)
    {
        return std::any_of(method.fields.begin(), method.fields.end(),
            [&](FieldInfo const& field) { return field.name == name; });
    }
};

} // namespace

class AuditTrail::Row final : public AuditRow, public std::enable_shared_from_this<Row> {
public:
    Row(AuditTrail& trail, Call const& call)
        : trail_(trail)
        , is_by_rate_(call.method.audited == Audited::by_rate)
        , is_audited_((call.method.audited == Audited::calls || is_by_rate_) && call.is_authorized)
        , may_change_(call.method.audited != Audited::nothing && !is_by_rate_ && call.is_authorized)
        , ip_(call.caller.peer->ip())
    {
        auto const said = Said::of(call);
        record_.time = trail.clock_.now().time_since_epoch().count();
        record_.key = call.caller.by();
        record_.address = call.caller.peer->address();
        record_.method.reserve(call.service.size() + 1 + call.method.name.size());
        record_.method.append(call.service).append(1, '.').append(call.method.name);
        if (auto const agent = Ip::parse(said.agentip)) record_.agent = agent->text();
        if (said.ins != nullptr) {
            record_.app = plain_name(text_in(*said.ins, "app"));
            record_.func = plain_name(text_in(*said.ins, "func"));
            record_.proxy = plain_proxy(text_in(*said.ins, "proxy"));
        } else {
            record_.app = plain_name(said.appname);
        }
        record_.target = plain_id(said.id);
        if (record_.target.empty()) record_.target = plain_id(said.key);
        bool const is_unproven = !call.is_authorized && record_.key.empty();
        auto claimed = is_unproven ? claimed_key(call.fields, *call.caller.peer) : std::string();
        if (!claimed.empty()) record_.target = std::move(claimed);
        // Of somebody unknown nothing is kept that he could make up.
        if (may_change_) param_ = shown_param(call.fields, trail.settings_.param);
    }

    void about(Ip const& agent, Instruction const& ins) override
    {
        if (record_.agent.empty()) record_.agent = agent.text();
        if (!record_.app.empty()) return;
        record_.app = plain_name(ins.app);
        record_.func = plain_name(ins.func);
        record_.proxy = plain_proxy(ins.proxy);
    }

    void show(std::string text) override
    {
        if (may_change_) param_ = {std::move(text), false};
    }

    [[nodiscard]] std::function<void(Db&)> also(std::string target) override
    {
        if (!may_change_) return nullptr;
        return [self = shared_from_this(), target = std::move(target)](Db& db) {
            auto record = self->record_;
            if (!target.empty()) record.target = target;
            record.changed = true;
            self->append(db, std::move(record));
            self->written_ = true;
        };
    }

    void prove(std::string const& key) override { record_.key = key; }

    void claim(std::string_view key) override
    {
        record_.target = plain_id(key);
        is_claim_ = true;
    }

    void over(std::string_view refused) override
    {
        if (is_claim_ && refused.empty()) refused = codes::wrong_key.text;
        bool const denied = is_denial(refused);
        // What the disk did not take is not there, nor is a word of it; and who never got as far as to be let
        // in or denied leaves nothing either, for that has no bound.
        bool const is_bad_try = is_by_rate_ && !refused.empty() && !denied;
        bool const is_nothing =
            refused == codes::store_cannot_write.text || (!is_audited_ && !denied) || is_bad_try;
        if (written_ && refused.empty()) ++trail_.rows_.allowed;
        if (written_ || is_nothing) return;
        auto& limit = denied ? trail_.denied_ : trail_.authenticated_;
        bool const is_limited = denied || is_by_rate_;
        if (is_limited && !limit.takes(ip_, record_.method, refused, trail_.clock_.steady())) return;
        record_.allowed = !denied;
        if (!refused.empty()) record_.result = refused;
        trail_.write([self = shared_from_this()](Db& db) { self->append(db, AuditRecord(self->record_)); },
            of_one(record_));
    }

    [[nodiscard]] static Rows of_one(AuditRecord const& record)
    {
        return record.allowed ? Rows{1, 0} : Rows{0, 1};
    }

private:
    /// On the store's thread.
    void append(Db& db, AuditRecord&& record) const
    {
        record.param = param_.is_digested ? digest(param_.text) : param_.text;
        audit::append(db, std::move(record));
    }

    AuditTrail& trail_;
    bool is_by_rate_;
    bool is_audited_; ///< Also where it was not denied, and changes nothing.
    bool may_change_;
    bool is_claim_ = false; ///< Of a key that was not proven.
    Ip ip_;
    AuditRecord record_;
    ShownParam param_;
    /// By a write that was not undone: one that was is run again, or its call ends with its error.
    std::atomic<bool> written_ = false;
};

std::shared_ptr<AuditRow> AuditTrail::row(Call const& call)
{
    return settings_.enabled ? std::make_shared<Row>(*this, call) : nullptr;
}

void AuditTrail::write(std::function<void(Db&)> work, Rows rows)
{
    store_.post(std::move(work), [this, rows](std::exception_ptr const& failure) {
        if (failure && !std::exchange(cannot_write_, true))
            ELVES_LOG(
                warning, "the audit trail cannot be written: what is denied or refused leaves no row there");
        if (failure) return;
        cannot_write_ = false;
        rows_.allowed += rows.allowed;
        rows_.denied += rows.denied;
    });
}

AuditTrail::AuditTrail(Store& store, Clock& clock) : store_(store), clock_(clock) { configure({}); }

void AuditTrail::configure(AuditSettings const& settings)
{
    settings_ = settings;
    pruner_.set(settings.keep, [keep = settings.keep](Db& db, Instant now, std::int64_t most) {
        return PruneResult{audit::prune(db, (now - keep).time_since_epoch().count(), most)};
    });
}

void AuditTrail::start()
{
    pruner_.start();
    count_later();
    log_head_later();
}

void AuditTrail::stop()
{
    pruner_.stop();
    counting_.stop();
    heading_.stop();
    write_counts();
}

void AuditTrail::add(std::string_view method, std::string what, std::string_view result)
{
    AuditRecord record;
    record.time = clock_.now().time_since_epoch().count();
    record.address = "this machine";
    record.method = method;
    record.param = std::move(what);
    record.result = result;
    write([record = std::move(record)](Db& db) { audit::append(db, record); }, Rows{1, 0});
}

void AuditTrail::count_later()
{
    counting_ = clock_.after(between_counts, [this] {
        write_counts();
        count_later();
    });
}

void AuditTrail::write_counts()
{
    std::vector<AuditRecord> records;
    Rows rows;
    auto const add = [&](DeniedLimit& limit, bool is_allowed) {
        for (auto& count : limit.take()) {
            AuditRecord record;
            record.time = clock_.now().time_since_epoch().count();
            record.address = std::move(count.address);
            record.method = std::move(count.method);
            record.allowed = is_allowed;
            if (!is_allowed) record.result = std::move(count.code);
            record.more = count.more;
            ++(is_allowed ? rows.allowed : rows.denied);
            records.push_back(std::move(record));
        }
    };
    add(denied_, false);
    add(authenticated_, true);
    if (records.empty()) return;
    write(
        [records = std::move(records)](Db& db) {
            for (auto const& record : records) audit::append(db, record);
        },
        rows);
}

void AuditTrail::log_head_later()
{
    heading_ = clock_.after(between_heads, [this] {
        auto const head = std::make_shared<std::optional<ChainPoint>>();
        store_.post_read([head](Db& db) { *head = audit::head(db); },
            [head](std::exception_ptr const& failure) {
                if (!failure && *head) ELVES_LOG(info, "the audit trail ends with " << (*head)->text());
            });
        log_head_later();
    });
}

void AuditTrail::log_head()
{
    std::optional<ChainPoint> head;
    try {
        store_.at_start([&](Db& db) { head = audit::head(db); });
    } catch (std::exception const& problem) {
        ELVES_LOG(warning, "where the audit trail ends cannot be read: " << problem.what());
    }
    if (head) ELVES_LOG(info, "the audit trail ends with " << head->text());
}

} // namespace elves
