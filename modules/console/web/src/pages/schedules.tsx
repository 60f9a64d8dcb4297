import type { JSX } from "preact";
import type { Reading } from "../api";
import { command } from "../command";
import { Day, startOfDay, type Firing } from "../day";
import { LIST_PAUSE_MS, useLive } from "../live";
import { printable, shortened } from "../printable";
import { cronPath, Link, path, usePlace } from "../router";
import { useCan } from "../session";
import { ruleInWords } from "../rule";
import type { CronJob, Run, Schedule, Task } from "../types";
import { Filters, Loading, Page, Pager, Section, State, Table, Time } from "../ui";

const FIELDS = ["app", "func", "agentip", "name", "cron_flag", "by", "after"];
const PAGE = 50;
const FIRINGS_READ = 1_000;

interface Data {
  schedules: Schedule[];
  hasMoreSchedules: boolean;
  jobs: CronJob[];
  next: string | undefined;
  runsOf: Map<string, Firing[]>;
  firingsOf: Map<string, Firing[]>;
  isCut: boolean;
}

const FLAGS: Record<string, [state: string, word: string]> = { "0": ["paused", "paused"], "1": ["on", "on"], "2": ["refused", "refused by its agent"] };

export function CronFlag(props: { flag: string }): JSX.Element {
  const [state, word] = FLAGS[props.flag] ?? ["unknown", props.flag];
  return <State is={state} word={word} />;
}

function grouped<Row>(rows: Row[], keyOf: (row: Row) => string, firingOf: (row: Row) => Firing): Map<string, Firing[]> {
  const groups = new Map<string, Firing[]>();
  for (const row of rows) {
    const key = keyOf(row);
    if (key === "") continue;
    const group = groups.get(key) ?? [];
    group.push(firingOf(row));
    groups.set(key, group);
  }
  return groups;
}

async function read(reading: Reading, given: Record<string, string | undefined>): Promise<Data> {
  const since = startOfDay();
  const { agentip: _agentip, name: _name, cron_flag: _flag, after: _after, ...ofRuns } = given;
  const isFirstPage = given.after === undefined;
  const [jobs, schedules, tasks, runs] = await Promise.all([
    reading.call<{ cron_list: CronJob[]; next?: string }>("cron.listcrons", { ...given, limit: PAGE, times: 20 }),
    isFirstPage ? reading.call<{ schedules: Schedule[]; next?: string }>("run.listschedules", { ...ofRuns, limit: PAGE }) : { schedules: [], next: undefined },
    reading.call<{ info: Task[]; next?: string }>("tasklog.listtasks", { type: "cron", since, agentip: given.agentip, limit: FIRINGS_READ }),
    isFirstPage ? reading.call<{ runs: Run[] }>("run.listruns", { since, limit: 200 }) : { runs: [] },
  ]);
  return {
    schedules: schedules.schedules,
    hasMoreSchedules: schedules.next !== undefined,
    jobs: jobs.cron_list,
    next: jobs.next,
    firingsOf: grouped(tasks.info, (task) => task.cron_id, (task) => ({ at: task.fire_time || task.starttime, state: task.status })),
    runsOf: grouped(runs.runs, (run) => run.schedule ?? "", (run) => ({ at: run.fire_time ?? run.create_time, state: run.state })),
    isCut: tasks.next !== undefined,
  };
}

export function SchedulesPage(): JSX.Element {
  const can = useCan();
  const { query } = usePlace();
  const given = Object.fromEntries(FIELDS.map((name) => [name, query.get(name) ?? undefined]));
  const live = useLive<Data>(`schedules?${query.toString()}`, ["now"], (reading) => read(reading, given), LIST_PAUSE_MS);
  const { data } = live;
  return (
    <Page
      title="Schedules"
      actions={
        <>
          {can("run.setschedule") && <Link to="/schedules/new" class="button">New scheduled run</Link>}
          {can("cron.setcronbyip") && <Link to="/schedules/cron/new" class="button">New cron job</Link>}
        </>
      }
      command={command("cron", "list", "--all", ["--app", given.app], ["--func", given.func], ["--name", given.name], ["--flag", given.cron_flag], ["--by", given.by])}
    >
      <Filters
        label="Filter schedules"
        of={[
          { key: "app", label: "App" },
          { key: "func", label: "Function" },
          { key: "agentip", label: "Host", placeholder: "address" },
          { key: "name", label: "Name" },
          { key: "cron_flag", label: "State", options: [["", "any"], ["1", "on"], ["0", "paused"], ["2", "refused"]] },
        ]}
      />
      <Loading of={live} />
      {data && (
        <>
          {!query.has("after") && (
            <Section title="Scheduled runs" aside={data.hasMoreSchedules ? <span class="dim">the first {PAGE}</span> : <Legend />}>
              <Table
                label="Scheduled runs"
                rows={data.schedules}
                id={(schedule) => schedule.id}
                empty="No scheduled run."
                columns={[
                  { head: "State", cell: (schedule) => <State is={schedule.on === "true" ? "on" : "paused"} /> },
                  {
                    head: "What",
                    cell: (schedule) => (
                      <Link to={`/schedules/run/${schedule.id}`}>
                        {printable(schedule.ins.app)} {printable(schedule.ins.func)} <span class="dim">on</span> {shortened(schedule.target, 40)}
                      </Link>
                    ),
                  },
                  { head: "Rule", cell: (schedule) => <Rule of={schedule} /> },
                  { head: "Today", cell: (schedule) => <Day firings={withNext(data.runsOf.get(schedule.id), [schedule.next_time])} /> },
                  { head: "Next", cell: (schedule) => <Time at={schedule.next_time} short /> },
                ]}
              />
            </Section>
          )}
          <Section title="Cron jobs" aside={data.isCut ? <span class="dim">today's latest {FIRINGS_READ} firings are drawn</span> : undefined}>
            <Table
              label="Cron jobs"
              rows={data.jobs}
              id={(job) => job.cron_id}
              empty="No job fits."
              columns={[
                { head: "State", cell: (job) => <CronFlag flag={job.cron_flag} /> },
                {
                  head: "What",
                  cell: (job) => (
                    <Link to={cronPath(job.agent_ip, job.cron_id)}>
                      {shortened(job.name || `${job.ins.app} ${job.ins.func}`, 40)} <span class="dim">on</span> {job.agent_ip}
                    </Link>
                  ),
                },
                { head: "Rule", cell: (job) => <Rule of={job} /> },
                { head: "Today", cell: (job) => <Day firings={withNext(data.firingsOf.get(job.cron_id), job.next_times?.map((time) => time.fire_time) ?? [])} /> },
                {
                  head: "Last",
                  cell: (job) =>
                    job.last_exec_result === "" ? "" : (
                      <Link to={path("/tasks", { cron_id: job.cron_id })}>
                        <State is={job.last_exec_result} />
                      </Link>
                    ),
                },
                { head: "Next", cell: (job) => <Time at={job.next_time} short /> },
              ]}
            />
            <Pager next={data.next} />
          </Section>
        </>
      )}
    </Page>
  );
}

function Legend(): JSX.Element {
  return (
    <span class="dim legend">
      tall: failed · below: done or running · above: skipped · box: to come · line: now
    </span>
  );
}

const withNext = (firings: Firing[] | undefined, next: string[]): Firing[] => [
  ...(firings ?? []),
  ...next.filter((at) => at !== "").map((at) => ({ at, state: "next" })),
];

function Rule(props: { of: { rule: string; timezone: string } }): JSX.Element {
  return (
    <span title={`${props.of.rule} in ${props.of.timezone}`}>
      {ruleInWords(props.of.rule) ?? printable(props.of.rule)} <span class="dim">{printable(props.of.timezone)}</span>
    </span>
  );
}
