// A new run, or a schedule: which hosts, what, within which limits. The fields live in the URL. A run is planned first; the
// person then types the number of hosts, and exactly what was planned starts.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { CallError, call, type Fields } from "../api";
import { command } from "../command";
import { useAction, useLive } from "../live";
import { NextTimesOf } from "../next_times";
import { printable, shortened } from "../printable";
import { Link, go, path, usePlace } from "../router";
import { useCan } from "../session";
import { ruleInWords } from "../rule";
import { zoneName } from "../time";
import type { FoundAgents, Group, RunPlan, Schedule } from "../types";
import { Buttons, Check, Dialog, Field, Form, Page, Problem, Section, State, Time } from "../ui";
import { hosts as hostsText } from "../words";

const INS = ["app", "func", "param", "timeout", "mode", "proxy"] as const;
const LIMITS = ["waves", "parallel", "max_fail", "strict", "pause", "order", "ttl", "silent", "deadline", "note"] as const;
const WHEN = ["at", "late"] as const;
const RULE = ["rule", "timezone", "misfire", "overlap", "jitter"] as const;

type Name = "target" | (typeof INS)[number] | (typeof LIMITS)[number] | (typeof WHEN)[number] | (typeof RULE)[number];
type Values = Partial<Record<Name, string>>;

function fieldsOf(values: Values, isSchedule: boolean): Fields {
  const pick = (names: readonly Name[]): Fields => Object.fromEntries(names.map((name) => [name, values[name]]));
  const ins = Object.fromEntries(Object.entries(pick(INS)).filter(([, value]) => value !== undefined && value !== ""));
  return {
    target: values.target,
    ins,
    ...pick(LIMITS),
    strict: values.strict === "true" ? true : undefined,
    ...pick(isSchedule ? RULE : WHEN),
  };
}

function commandOf(values: Values, isSchedule: boolean): string {
  const words = isSchedule ? ["schedule", "set"] : ["run"];
  return `${command(
    ...words,
    values.target ?? "",
    ...[...LIMITS.filter((name) => name !== "strict"), ...(isSchedule ? RULE : WHEN), "timeout" as const, "mode" as const, "proxy" as const].map(
      (name): [string, string | undefined] => [`--${name.replace("_", "-")}`, values[name]],
    ),
    ...(values.strict === "true" ? ["--strict"] : []),
    "--",
    values.app ?? "APP",
    values.func ?? "FUNC",
  )}${values.param ? command(values.param).slice("elvesctl".length) : ""}`;
}

export function NewRunPage(props: { isSchedule?: boolean }): JSX.Element {
  const isSchedule = props.isSchedule ?? false;
  const place = usePlace();
  const replaced = place.query.get("id") ?? "";
  const [values, setValues] = useState<Values>(() => Object.fromEntries(place.query) as Values);
  const [plan, setPlan] = useState<{ of: string; plan: RunPlan }>();
  const action = useAction();
  const text = JSON.stringify(fieldsOf(values, isSchedule));

  const set = (name: Name) => (value: string): void => {
    setValues((before) => ({ ...before, [name]: value }));
    action.clear();
  };
  useEffect(() => {
    // Not for each key: browsers limit how often a page may change its address.
    const timer = window.setTimeout(() => go(path(place.path, { ...values, id: replaced }), true), 300);
    return () => window.clearTimeout(timer);
  }, [text]);
  useSchedule(replaced, setValues);

  const makePlan = (): void =>
    action.run(async () => {
      const { rule: _rule, timezone: _zone, misfire: _misfire, overlap: _overlap, jitter: _jitter, ...fields } = fieldsOf(values, isSchedule);
      setPlan({ of: text, plan: await call<RunPlan>("run.planrun", fields) });
    });
  const save = (): void =>
    action.run(async () => {
      const { id } = await call<{ id: string }>("run.setschedule", { ...fieldsOf(values, true), id: replaced });
      go(`/schedules/run/${id}`);
    });

  return (
    <Page
      title={isSchedule ? (replaced === "" ? "New scheduled run" : "Change a scheduled run") : "New run"}
      command={commandOf(values, isSchedule)}
    >
      <Form class="sheet" label={isSchedule ? "Scheduled run" : "New run"} onSubmit={isSchedule ? save : makePlan}>
        <fieldset>
          <legend>Which hosts</legend>
          <TargetField value={values.target ?? ""} onChange={set("target")} autofocus={replaced === ""} />
        </fieldset>
        <fieldset class="columns">
          <legend>What</legend>
          <Field label="App" value={values.app ?? ""} onChange={set("app")} required />
          <Field label="Function" value={values.func ?? ""} onChange={set("func")} required />
          <Field label="Timeout" value={values.timeout ?? ""} onChange={set("timeout")} placeholder="90 s" help="Seconds that a worker may take." />
          <Field label="Result" value={values.mode || "NP"} onChange={set("mode")} options={[["NP", "stays in the log"], ["P", "also goes to the processor"]]} />
          <Field class="full" label="Param" value={values.param ?? ""} onChange={set("param")} rows={3} help="The text that the function is given." />
        </fieldset>
        {isSchedule && (
          <fieldset class="columns">
            <legend>When</legend>
            <RuleField value={values.rule ?? ""} onChange={set("rule")} />
            <NextTimesOf rule={values.rule ?? ""} timezone={values.timezone ?? ""} />
            <Field label="Time zone" value={values.timezone ?? ""} onChange={set("timezone")} placeholder={zoneName()} />
            <Field label="Times that passed while the server was down" value={values.misfire || "skip"} onChange={set("misfire")} options={[["skip", "are skipped"], ["once", "run once for all"]]} />
            <Field label="While the last run goes on" value={values.overlap || "skip"} onChange={set("overlap")} options={[["skip", "a time is skipped"], ["allow", "another run begins"]]} />
            <Field label="Jitter" value={values.jitter ?? ""} onChange={set("jitter")} placeholder="0 s" />
          </fieldset>
        )}
        <fieldset class="columns">
          <legend>How carefully</legend>
          <Field label="Waves" value={values.waves ?? ""} onChange={set("waves")} placeholder="100%" help="Sizes; the last one repeats: 1,10%,50%." />
          <Field label="Hosts at once" value={values.parallel ?? ""} onChange={set("parallel")} placeholder="50" />
          <Field label="Failures tolerated" value={values.max_fail ?? ""} onChange={set("max_fail")} placeholder="0" help="A number, or 5%. One more pauses it." />
          <Field label="Between waves" value={values.pause ?? ""} onChange={set("pause")} placeholder="0 s" help="Seconds, or ask." />
        </fieldset>
        <details>
          <summary>More limits</summary>
          <div class="columns">
            <Field label="Order" value={values.order ?? ""} onChange={set("order")} placeholder="address" help="address, random, or spread:FIELD." />
            <Field label="Wait for hosts that are away" value={values.ttl ?? ""} onChange={set("ttl")} placeholder="0 s" />
            <Field label="Hosts that stay away" value={values.silent || "name"} onChange={set("silent")} options={[["name", "are named"], ["fail", "count as failures"]]} />
            <Field label="Deadline" value={values.deadline ?? ""} onChange={set("deadline")} placeholder="none" help="Seconds after its start." />
            {!isSchedule && <Field label="Start at" value={values.at ?? ""} onChange={set("at")} placeholder="now" help={`YYYY-MM-DD HH:MM:SS in ${zoneName()}.`} />}
            {!isSchedule && <Field label="Or at most later by" value={values.late ?? ""} onChange={set("late")} placeholder="3600 s" />}
            <Field label="File of the app" value={values.proxy ?? ""} onChange={set("proxy")} help="Needs a key with the right files." />
            <Field label="Why" value={values.note ?? ""} onChange={set("note")} />
            <Check label="Never more hosts at once than may still fail" value={values.strict === "true"} onChange={(isOn) => set("strict")(isOn ? "true" : "")} />
          </div>
        </details>
        <Problem error={action.error} />
        <Buttons act={isSchedule ? "Save the schedule" : "Plan"} isBusy={action.isBusy} />
      </Form>
      {plan && !isSchedule && (
        <Plan
          plan={plan.plan}
          isCurrent={plan.of === text}
          fields={fieldsOf(values, false)}
          onClose={() => setPlan(undefined)}
        />
      )}
    </Page>
  );
}

/** Fills the form with the schedule that is to be replaced. */
function useSchedule(id: string, setValues: (values: Values) => void): void {
  useEffect(() => {
    if (id === "") return;
    void call<{ schedules: Schedule[] }>("run.listschedules", { id }).then(({ schedules }) => {
      const found = schedules[0];
      if (!found) return;
      const { ins, ...rest } = found;
      const names: Name[] = ["target", ...LIMITS, ...RULE];
      const own = rest as unknown as Record<string, string | undefined>;
      setValues({ ...Object.fromEntries(names.map((name) => [name, own[name] ?? ""])), ...ins });
    });
  }, [id]);
}

/** A target expression, with the hosts that it selects now. */
export function TargetField(props: { value: string; onChange: (value: string) => void; autofocus?: boolean }): JSX.Element {
  const can = useCan();
  const [asked, setAsked] = useState(props.value);
  useEffect(() => {
    const timer = window.setTimeout(() => setAsked(props.value), 350);
    return () => window.clearTimeout(timer);
  }, [props.value]);
  const groups = useLive<string[]>("groups of a target", [], async (reading) =>
    can("fleet.listgroups") ? (await reading.call<{ groups: Group[] }>("fleet.listgroups")).groups.map(({ name }) => `@${name}`) : [],
  );
  const found = useLive<FoundAgents | undefined>(`target ${asked}`, [], async (reading) =>
    asked.trim() === "" ? undefined : reading.call<FoundAgents>("fleet.findagents", { target: asked, limit: 8 }),
  );
  return (
    <div class="target">
      <Field
        label="Target"
        value={props.value}
        onChange={props.onChange}
        required
        list={["all", ...(groups.data ?? [])]}
        autofocus={props.autofocus ?? false}
        placeholder="env=prod and role=web"
        help="An expression over labels, facts, groups and addresses. Every host is written: all."
      />
      <div class="preview" aria-live="polite">
        {asked.trim() === "" ? (
          <span class="dim">The hosts that it selects appear here.</span>
        ) : found.error ? (
          <Problem error={found.error} />
        ) : found.data ? (
          <>
            <b>{hostsText(found.data.count)}</b>
            {found.data.undecided !== "0" && (
              <span class="warn">
                {" "}
                · {hostsText(found.data.undecided)} undecided, without {found.data.undecided_by.map(printable).join(", ")}
              </span>
            )}
            <span class="addresses">
              {found.data.agents.map((agent) => (
                <span key={agent.agentip} class={agent.status === "online" ? undefined : "dim"} title={agent.status}>
                  {agent.agentip} {shortened(agent.asset, 24)}
                </span>
              ))}
              {found.data.next !== undefined && <span class="dim">…</span>}
            </span>
          </>
        ) : (
          <span class="dim">Asking…</span>
        )}
      </div>
    </div>
  );
}

export function RuleField(props: { value: string; onChange: (value: string) => void; isOptional?: boolean }): JSX.Element {
  const words = ruleInWords(props.value);
  return (
    <Field
      class="full"
      label="Rule"
      value={props.value}
      onChange={props.onChange}
      required={!props.isOptional}
      placeholder="0 0 2 * * ?"
      help={props.value === "" ? "A Quartz rule: second minute hour day-of-month month day-of-week." : (words ?? "A rule has six or seven fields.")}
    />
  );
}

function Plan(props: { plan: RunPlan; isCurrent: boolean; fields: Fields; onClose: () => void }): JSX.Element {
  const { plan } = props;
  const [typed, setTyped] = useState("");
  // The same for each try of this plan: what is sent twice is one run.
  const [dedup] = useState(() => crypto.getRandomValues(new Uint32Array(4)).join("-"));
  const action = useAction();
  const start = (): void =>
    action.run(async () => {
      if (typed !== plan.count) throw new CallError("", `The plan has ${hostsText(plan.count)}; what you typed is "${typed}".`);
      const { id } = await call<{ id: string }>("run.startrun", { ...props.fields, digest: plan.digest, dedup });
      props.onClose();
      go(`/runs/${id}`);
    });
  const isFitting = typed === plan.count && plan.count !== "0" && props.isCurrent;
  return (
    <Dialog title="Plan" onClose={props.onClose}>
      <Form label="Start the run" onSubmit={start}>
        <p class="lead">
          <b>{hostsText(plan.count)}</b>: {plan.online} online, {plan.offline} offline. At worst {hostsText(plan.worst)} can have failed when it pauses.
        </p>
        {plan.undecided !== "0" && (
          <p class="warn">
            {hostsText(plan.undecided)} {plan.undecided === "1" ? "is" : "are"} left out because nobody knows {plan.undecided_by.map(printable).join(", ")} of them.
          </p>
        )}
        {plan.rests_on_facts === "true" && <p class="warn">The target rests on facts, which agents say of themselves.</p>}
        <ol class="waves">
          {plan.waves.slice(0, 20).map((wave, place) => (
            <li key={place}>
              <b>{hostsText(wave.hosts)}</b>{" "}
              <span class="dim">
                {wave.first.join(", ")}
                {Number(wave.hosts) > wave.first.length && " …"}
              </span>
            </li>
          ))}
        </ol>
        {plan.waves.length > 20 && <p class="dim">and {plan.waves.length - 20} more waves</p>}
        {plan.offline_hosts.length > 0 && (
          <Section title="Offline now">
            <p class="addresses">
              {plan.offline_hosts.slice(0, 30).map((ip) => (
                <span key={ip}>{ip}</span>
              ))}
              {Number(plan.offline) > 30 && <span class="dim">and {Number(plan.offline) - 30} more</span>}
            </p>
          </Section>
        )}
        {plan.windows.length > 0 && (
          <Section title="Windows that are closed then">
            <ul class="rows">
              {plan.windows.map((window) => (
                <li key={window.name}>
                  <State is="closed" />
                  <span>
                    <Link to="/windows">{printable(window.name)}</Link>{" "}
                    <span>
                      holds {hostsText(window.hosts)} back until <Time at={window.until} />
                    </span>
                    <span class="dim">
                      {window.first.join(", ")}
                      {Number(window.hosts) > window.first.length && " …"} {shortened(window.note, 60)}
                    </span>
                  </span>
                </li>
              ))}
            </ul>
          </Section>
        )}
        {!props.isCurrent && <p class="warn">The form has changed since. Plan again.</p>}
        <Field label={`Type the number of hosts, ${plan.count}, to start`} name="hosts" value={typed} onChange={setTyped} autofocus />
        <Problem error={action.error} />
        <Buttons act={`Start on ${hostsText(plan.count)}`} isBusy={action.isBusy} isDisabled={!isFitting} onCancel={props.onClose} />
      </Form>
    </Dialog>
  );
}
