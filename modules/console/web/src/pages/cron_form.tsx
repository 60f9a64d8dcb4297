// Sets a cron job: a new one, or all of one that is there.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "../api";
import { command } from "../command";
import { useAction } from "../live";
import { NextTimesOf } from "../next_times";
import { printable } from "../printable";
import { cronPath, go, Link, usePlace } from "../router";
import { zoneName } from "../time";
import type { CronJob } from "../types";
import { Buttons, Field, Form, Page, Problem } from "../ui";
import { RuleField } from "./new_run";

const INS = ["app", "func", "param", "timeout", "ttl", "mode", "proxy"] as const;
const OPTIONS = ["name", "cron_type", "timezone", "misfire", "overlap", "jitter", "start_date", "end_date", "watch"] as const;
type Name = "agentip" | "rule" | (typeof INS)[number] | (typeof OPTIONS)[number];
type Values = Partial<Record<Name, string>>;

const DEFAULTS: Values = { cron_type: "center", misfire: "skip", overlap: "skip" };

const valuesOf = (job: CronJob): Values => ({
  agentip: job.agent_ip,
  rule: job.rule,
  ...Object.fromEntries(OPTIONS.map((name) => [name, job[name]])),
  ...Object.fromEntries(INS.map((name) => [name, name === "timeout" && job.ins.timeout === "0" ? "" : (job.ins[name] ?? "")])),
});

export function CronFormPage(props: { ip?: string; id?: string }): JSX.Element {
  const { query } = usePlace();
  const [values, setValues] = useState<Values>({ ...DEFAULTS, agentip: props.ip ?? query.get("agentip") ?? "" });
  const [saved, setSaved] = useState<{ id: string; warnings: string[] }>();
  const action = useAction();
  const { ip, id } = props;
  useEffect(() => {
    if (id === undefined) return;
    action.run(async () => {
      const { cron_list: jobs } = await call<{ cron_list: CronJob[] }>("cron.listcrons", { agentip: ip, id, times: 0 });
      if (jobs[0]) setValues(valuesOf(jobs[0]));
    });
  }, [id]);
  const set = (name: Name) => (value: string): void => setValues((before) => ({ ...before, [name]: value }));
  const of = (name: Name): string => values[name] ?? "";

  const submit = (): void =>
    action.run(async () => {
      const ins = Object.fromEntries(INS.map((name) => [name, of(name)]).filter(([, value]) => value !== ""));
      const reply = await call<{ id: string; warnings: string[] }>("cron.setcronbyip", {
        agentip: of("agentip"),
        rule: of("rule"),
        ins,
        id,
        ...Object.fromEntries(OPTIONS.map((name) => [name, of(name)])),
      });
      if (reply.warnings.length === 0) go(cronPath(of("agentip"), reply.id));
      else setSaved(reply);
    });

  return (
    <Page
      title={id === undefined ? "New cron job" : "Change a cron job"}
      command={command("cron", "set", of("agentip") || "IP", of("rule") || "RULE", of("app") || "APP", of("func") || "FUNC", ...(of("param") === "" ? [] : [of("param")]), ["--id", id], ["--name", of("name")], ["--type", of("cron_type")], ["--timezone", of("timezone")], ["--misfire", of("misfire")], ["--overlap", of("overlap")], ["--jitter", of("jitter")], ["--start", of("start_date")], ["--end", of("end_date")], ["--watch", of("watch")], ["--timeout", of("timeout")], ["--ttl", of("ttl")], ["--mode", of("mode")], ["--proxy", of("proxy")])}
    >
      {saved && (
        <div class="notice" role="status">
          <p>The job is set. What may not be meant:</p>
          <ul>
            {saved.warnings.map((warning) => (
              <li key={warning}>{printable(warning)}</li>
            ))}
          </ul>
          <Link to={cronPath(of("agentip"), saved.id)}>To the job</Link>
        </div>
      )}
      <Form class="sheet" label="Cron job" onSubmit={submit}>
        <fieldset class="columns">
          <legend>Where and what</legend>
          <Field label="Host" value={of("agentip")} onChange={set("agentip")} required placeholder="address" autofocus={id === undefined} />
          <Field label="Name" value={of("name")} onChange={set("name")} help="Unique among the host's jobs." />
          <Field label="Watched as" value={of("watch")} onChange={set("watch")} help="The name by which metrics show when it last ran." />
          <Field label="App" value={of("app")} onChange={set("app")} required />
          <Field label="Function" value={of("func")} onChange={set("func")} required />
          <Field label="Timeout" value={of("timeout")} onChange={set("timeout")} placeholder="90 s" />
          <Field class="full" label="Param" value={of("param")} onChange={set("param")} rows={3} />
        </fieldset>
        <fieldset class="columns">
          <legend>When</legend>
          <RuleField value={of("rule")} onChange={set("rule")} />
          <NextTimesOf rule={of("rule")} timezone={of("timezone")} start={of("start_date")} end={of("end_date")} />
          <Field label="Time zone" value={of("timezone")} onChange={set("timezone")} placeholder={zoneName()} />
          <Field label="Fired by" value={of("cron_type")} onChange={set("cron_type")} options={[["center", "the server"], ["self", "its agent"]]} />
          <Field label="Missed times" value={of("misfire")} onChange={set("misfire")} options={[["skip", "are skipped"], ["once", "one run for all"]]} />
          <Field label="While the last run goes on" value={of("overlap")} onChange={set("overlap")} options={[["skip", "a time is skipped"], ["allow", "another run begins"], ["replace", "the older run is canceled"]]} />
          <Field label="Jitter" value={of("jitter")} onChange={set("jitter")} placeholder="0 s" />
          <Field label="Not before" value={of("start_date")} onChange={set("start_date")} placeholder="YYYY-MM-DD" />
          <Field label="Not after" value={of("end_date")} onChange={set("end_date")} placeholder="YYYY-MM-DD" />
        </fieldset>
        <Problem error={action.error} />
        <Buttons act={id === undefined ? "Set the job" : "Save the job"} isBusy={action.isBusy} />
      </Form>
    </Page>
  );
}
