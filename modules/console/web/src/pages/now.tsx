// What needs a person, what runs, and what failed.
import type { ComponentChildren, JSX } from "preact";
import type { Reading } from "../api";
import { LIST_PAUSE_MS, useLive } from "../live";
import { Online, type OnlineHistory } from "../online";
import { printable, shortened } from "../printable";
import { Progress } from "../progress";
import { cronPath, Link, path } from "../router";
import { useCan } from "../session";
import { serverTime } from "../time";
import type { CronJob, Finding, Join, Run, Stats } from "../types";
import { Empty, Icon, Loading, Page, Section, State, Table, Time } from "../ui";
import { whyPaused } from "../words";

interface Failures {
  app: string;
  func: string;
  count: string;
  counts: Record<string, string>;
  latest: { id: string; agentip: string; status: string; endtime: string; message: string };
}

interface Failed {
  since: string;
  failures: Failures[];
}

interface Now {
  paused: Run[];
  open: Run[];
  online: Record<string, string>;
  joins: Join[];
  refused: CronJob[];
  warnings: string[];
  failed: Failed;
  history: OnlineHistory;
}

const HOUR_MS = 3_600_000;
const OPEN_SHOWN = 20;
const FAILURES_SHOWN = 50;

async function openRuns(reading: Reading): Promise<Run[]> {
  const states = await Promise.all(
    ["running", "pending"].map((state) => reading.call<{ runs: Run[] }>("run.listruns", { state, limit: OPEN_SHOWN })),
  );
  return states.flatMap((each) => each.runs).slice(0, OPEN_SHOWN);
}

function Need(props: { state: string; word?: string; to: string; what: string; children?: ComponentChildren }): JSX.Element {
  return (
    <li>
      <State is={props.state} {...(props.word === undefined ? {} : { word: props.word })} />
      <span>
        <Link to={props.to}>{shortened(props.what, 160)}</Link>
        {props.children && <span class="dim">{props.children}</span>}
      </span>
    </li>
  );
}

function NeedsYou(props: { now: Now; findings: Finding[] }): JSX.Element {
  const { paused, joins, refused, warnings } = props.now;
  const waiting = joins.filter((join) => join.status !== "rejected");
  const rows: JSX.Element[] = [
    ...paused.map((run) => (
      <Need key={run.id} state="paused" to={`/runs/${run.id}`} what={`${run.ins.app} ${run.ins.func} on ${run.target}`}>
        {whyPaused(run.why)}
      </Need>
    )),
    ...waiting.map((join) => (
      <Need key={join.agentip + join.fingerprint} state={join.status} word={join.status === "conflict" ? "conflict" : "asks to join"} to="/joins" what={`${join.agentip} ${join.asset}`}>
        since <Time at={join.first_time} short />
      </Need>
    )),
    ...refused.map((job) => (
      <Need key={job.cron_id} state="refused" word="job refused" to={cronPath(job.agent_ip, job.cron_id)} what={`${job.name || `${job.ins.app} ${job.ins.func}`} on ${job.agent_ip}`}>
        {shortened(job.refused, 120)}
      </Need>
    )),
    ...props.findings.map((finding) => <Need key={finding.check + finding.what} state="failed" word="finding" to="/system" what={finding.what} />),
    ...warnings.map((warning) => <Need key={warning} state="partial" word="warning" to="/system" what={warning} />),
  ];
  return (
    <Section title="Needs you" class="needs">
      {rows.length === 0 ? (
        <p class="all-well">
          <Icon shape="check" /> Nothing waits for a person.
        </p>
      ) : (
        <ul class="rows">{rows}</ul>
      )}
    </Section>
  );
}

function Agents(props: { online: Record<string, string>; history: OnlineHistory }): JSX.Element {
  const online = Number(props.online.totalonline ?? 0);
  const known = Number(props.online.totalknown ?? online);
  const systems = Object.entries(props.online).filter(([name, count]) => name.endsWith("online") && name !== "totalonline" && count !== "0");
  return (
    <Section title="Agents">
      <ul class="figures">
        <li>
          <Link to={path("/hosts", { target: "status=online" })}>
            <b>{online}</b> online
          </Link>
        </li>
        <li>
          <Link to={path("/hosts", { target: "status=offline" })}>
            <b>{known - online}</b> offline
          </Link>
        </li>
        {systems.map(([name, count]) => (
          <li key={name} class="dim">
            <b>{count}</b> {printable(name.replace(/online$/, ""))}
          </li>
        ))}
      </ul>
      <Online history={props.history} />
    </Section>
  );
}

export function NowPage(): JSX.Element {
  const can = useCan();
  const now = useLive<Now>("now", ["now"], async (reading) => {
    const [paused, open, online, joins, refused, { stats }, failed, history] = await Promise.all([
      reading.call<{ runs: Run[] }>("run.listruns", { state: "paused", limit: OPEN_SHOWN }),
      openRuns(reading),
      reading.call<{ stat: Record<string, string> }>("heartbeat.getonlinestat"),
      can("supervisor.listjoins") ? reading.call<{ joins: Join[] }>("supervisor.listjoins", { limit: 20 }) : { joins: [] },
      reading.call<{ cron_list: CronJob[] }>("cron.listcrons", { cron_flag: "2", limit: 20, times: 0 }),
      reading.call<{ stats: Stats }>("elves.stats"),
      reading.call<Failed>("tasklog.countfailures", { since: serverTime(Date.now() - HOUR_MS) }),
      reading.call<OnlineHistory>("heartbeat.getonlinehistory"),
    ]);
    return { paused: paused.runs, open, online: online.stat, joins: joins.joins, refused: refused.cron_list, warnings: stats.warnings, failed, history };
  }, LIST_PAUSE_MS);
  // Asked once: the doctor reads the whole data file.
  const doctor = useLive<Finding[]>("doctor", [], async (reading) =>
    can("elves.doctor") ? (await reading.call<{ findings: Finding[] }>("elves.doctor")).findings : [],
  );
  const data = now.data;
  return (
    <Page title="Now" command="elvesctl stat" actions={can("run.startrun") && <Link to="/runs/new" class="button primary">New run</Link>}>
      <Loading of={now} />
      {data && (
        <>
          <NeedsYou now={data} findings={doctor.data ?? []} />
          <Section title="Open runs" aside={<Link to="/runs">All runs</Link>}>
            {data.open.length === 0 ? (
              <Empty>No run goes on.</Empty>
            ) : (
              <ul class="open-runs">
                {data.open.map((run) => (
                  <li key={run.id}>
                    <State is={run.state} />
                    <Link to={`/runs/${run.id}`}>
                      {printable(run.ins.app)} {printable(run.ins.func)} <span class="dim">on</span> {shortened(run.target, 60)}
                    </Link>
                    <Progress counts={run.counts ?? {}} total={Number(run.count)} />
                  </li>
                ))}
              </ul>
            )}
          </Section>
          <Agents online={data.online} history={data.history} />
          <Section title="Failures of the last hour" aside={<span class="dim">since {data.failed.since}</span>}>
            <Table
              label="Failures of the last hour by app"
              rows={data.failed.failures.slice(0, FAILURES_SHOWN)}
              id={(row) => `${row.app} ${row.func}`}
              empty="No task failed in the last hour."
              columns={[
                {
                  head: "App and function",
                  cell: (row) => (
                    <Link to={path("/tasks", { app: row.app, func: row.func, since: data.failed.since })}>
                      {printable(row.app)} {printable(row.func)}
                    </Link>
                  ),
                },
                {
                  head: "How",
                  cell: (row) => (
                    <span class="states">
                      {Object.entries(row.counts).map(([state, count]) => (
                        <State key={state} is={state} word={`${count} ${state}`} />
                      ))}
                    </span>
                  ),
                },
                {
                  head: "Latest",
                  cell: (row) => (
                    <Link to={`/tasks/${row.latest.id}`}>
                      {row.latest.agentip} <Time at={row.latest.endtime} short />
                    </Link>
                  ),
                },
                { head: "It said", class: "wide", cell: (row) => shortened(row.latest.message, 90) },
              ]}
            />
          </Section>
        </>
      )}
    </Page>
  );
}
