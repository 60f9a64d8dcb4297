import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { CallError, call, type Reading } from "../api";
import { command } from "../command";
import { LIST_PAUSE_MS, useAction, useLive } from "../live";
import { printable, shortened } from "../printable";
import { cronPath, go, Link, path } from "../router";
import { useCan } from "../session";
import { ruleInWords } from "../rule";
import type { CronJob, FoundAgents, Task } from "../types";
import { Buttons, Dialog, Facts, Form, Loading, Page, Problem, Section, State, Table, Tags, Time } from "../ui";
import { Ups, type AgentHistory } from "../ups";
import { Label } from "./hosts";
import { CronFlag } from "./schedules";
import { TaskTable } from "./tasks";

interface Info {
  status: string;
  asset: string;
  os: string;
  version: string;
  agent_starttime: string;
  last_hb_time: string;
  hw_config: string;
  apps: Record<string, string>;
  claimed_from?: string;
  claimed_time?: string;
  draining?: string;
}

interface Data {
  info: Info | undefined;
  found: FoundAgents | undefined;
  inventory: Record<string, string> | undefined;
  tasks: Task[];
  jobs: CronJob[];
  history: AgentHistory | undefined;
}

/** What the server has, or undefined where it has none: code 414.1, 415.1 or 403.11. */
async function ifThere<Reply>(reply: Promise<Reply>): Promise<Reply | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof CallError && /^(41[45]\.1|403\.11)$/.test(error.code)) return undefined;
    throw error;
  }
}

async function readHost(reading: Reading, ip: string): Promise<Data> {
  const [info, found, inventory, tasks, jobs, history] = await Promise.all([
    ifThere(reading.call<Info>("heartbeat.getinfobyip", { agentip: ip })),
    ifThere(reading.call<FoundAgents>("fleet.findagents", { target: ip, limit: 1 })),
    ifThere(reading.call<Record<string, string>>("cmdbproxy.getcmdbinfobyip", { agentip: ip })),
    reading.call<{ info: Task[] }>("tasklog.listtasks", { agentip: ip, limit: 20 }),
    reading.call<{ cron_list: CronJob[] }>("cron.listcrons", { agentip: ip, limit: 50, times: 1 }),
    ifThere(reading.call<AgentHistory>("heartbeat.getagenthistory", { agentip: ip })),
  ]);
  return { info, found, inventory, tasks: tasks.info, jobs: jobs.cron_list, history };
}

export function HostPage(props: { ip: string }): JSX.Element {
  const { ip } = props;
  const can = useCan();
  const live = useLive<Data>(`host ${ip}`, ["hosts"], (reading) => readHost(reading, ip), LIST_PAUSE_MS);
  const [asked, setAsked] = useState<"label" | "forget">();
  const { data } = live;
  const host = data?.found?.agents[0];
  const info = data?.info;
  return (
    <Page
      title={info?.asset ? `${printable(info.asset)} · ${ip}` : ip}
      lead={
        data && (
          <p class="lead">
            <State is={info?.status ?? "unknown"} />
            {info ? (
              <span>
                last heard <Time at={info.last_hb_time} short />
              </span>
            ) : (
              <span>No agent was ever seen at this address.</span>
            )}
            {info?.draining === "true" && <span class="warn">It waits for its workers, and takes nothing new until then.</span>}
          </p>
        )
      }
      actions={
        <>
          {can("heartbeat.forgetagents") && data && (
            <button type="button" class="danger" onClick={() => setAsked("forget")}>
              Forget
            </button>
          )}
          {can("fleet.setlabels") && data?.found && (
            <button type="button" onClick={() => setAsked("label")}>
              Label
            </button>
          )}
          {can("run.startrun") && (
            <Link to={path("/runs/new", { target: ip })} class="button primary">
              Run here
            </Link>
          )}
        </>
      }
      command={command("agent", ip)}
    >
      <Loading of={live} />
      {data && (
        <>
          {info?.claimed_from && (
            <p class="problem">
              Another machine, {printable(info.claimed_from)}, claimed this address at {info.claimed_time} and was refused.
            </p>
          )}
          <div class="split">
            <Section title="Now">
              <Facts
                of={[
                  ["System", printable(info?.os ?? "")],
                  ["Agent", printable(info?.version ?? "")],
                  ["Agent's start", info?.agent_starttime && <Time at={info.agent_starttime} />],
                  ["Labels", host && Object.keys(host.labels ?? {}).length > 0 && <Tags of={host.labels} />],
                  ["Facts, as it says", host && Object.keys(host.facts ?? {}).length > 0 && <Tags of={host.facts} />],
                  ["Apps", info && <Tags of={info.apps} />],
                ]}
              />
            </Section>
            <Section title="Inventory">
              {data.inventory ? <Inventory of={data.inventory} /> : <p class="dim">No record.</p>}
              {info && info.hw_config !== "" && <Hardware text={info.hw_config} />}
            </Section>
          </div>
          {data.history && (
            <Section title="Up and down, 30 days">
              <Ups history={data.history} />
            </Section>
          )}
          <Section title="Last tasks" aside={<Link to={path("/tasks", { agentip: ip })}>All its tasks</Link>}>
            <TaskTable tasks={data.tasks} empty="No task in the log." />
          </Section>
          <Section title="Cron jobs" aside={can("cron.setcronbyip") && <Link to={path("/schedules/cron/new", { agentip: ip })}>New job</Link>}>
            <Table
              label="Cron jobs"
              rows={data.jobs}
              id={(job) => job.cron_id}
              empty="No job."
              columns={[
                { head: "State", cell: (job) => <CronFlag flag={job.cron_flag} /> },
                { head: "Job", cell: (job) => <Link to={cronPath(ip, job.cron_id)}>{shortened(job.name || `${job.ins.app} ${job.ins.func}`, 40)}</Link> },
                { head: "Rule", class: "wide", cell: (job) => <span title={job.rule}>{ruleInWords(job.rule) ?? printable(job.rule)}</span> },
                { head: "Last", cell: (job) => (job.last_exec_result === "" ? "" : <State is={job.last_exec_result} />) },
                { head: "Next", cell: (job) => <Time at={job.next_time} short /> },
              ]}
            />
          </Section>
        </>
      )}
      {asked === "label" && data?.found && <Label target={ip} found={data.found} onClose={() => setAsked(undefined)} onDone={live.reload} />}
      {asked === "forget" && <Forget ip={ip} onClose={() => setAsked(undefined)} />}
    </Page>
  );
}

function Inventory(props: { of: Record<string, string> }): JSX.Element {
  const names: [string, string][] = [["sn", "Serial number"], ["iplist", "Addresses"], ["idc", "Data centre"], ["main_cat", "Category"], ["sub_cat", "Subcategory"], ["app_info", "Apps"], ["manager", "Manager"]];
  return <Facts of={names.map(([name, word]) => [word, printable(props.of[name] ?? "")])} />;
}

/** What the agent says of its machine: a JSON text, or any other. */
function Hardware(props: { text: string }): JSX.Element {
  let text = props.text;
  try {
    text = JSON.stringify(JSON.parse(props.text), undefined, 2);
  } catch {
    // Shown as it is.
  }
  return (
    <details>
      <summary>Hardware, as it says</summary>
      <pre class="param">{text.split("\n").map(printable).join("\n")}</pre>
    </details>
  );
}

interface Forgotten {
  agents: { agentip: string; status: string; keys: string[]; cron_jobs: string; inventory: string; labels?: string }[];
}

function Forget(props: { ip: string; onClose: () => void }): JSX.Element {
  const plan = useLive<Forgotten>(`forget ${props.ip}`, [], (reading) =>
    reading.call("heartbeat.forgetagents", { iplist: [props.ip], plan: true, force: true }),
  );
  const action = useAction();
  const what = plan.data?.agents[0];
  const submit = (): void =>
    action.run(async () => {
      await call("heartbeat.forgetagents", { iplist: [props.ip], force: what?.status === "online" ? true : undefined });
      props.onClose();
      go("/hosts");
    });
  return (
    <Dialog title={`Forget ${props.ip}`} onClose={props.onClose}>
      <Form onSubmit={submit}>
        <Loading of={plan} />
        {what && (
          <>
            <p>The server deletes what it knows of this machine. Its tasks stay in the log.</p>
            <Facts
              of={[
                ["Status", <State is={what.status} />],
                ["Keys of just this address", String(what.keys.length)],
                ["Cron jobs", what.cron_jobs],
                ["Inventory record", what.inventory === "true" ? "yes" : "no"],
                ["Labels", what.labels ?? ""],
              ]}
            />
            {what.status === "online" && <p class="warn">It is online: its link is closed.</p>}
          </>
        )}
        <Problem error={action.error} />
        <Buttons act="Forget" isBusy={action.isBusy} isDisabled={!what} isDangerous onCancel={props.onClose} />
      </Form>
    </Dialog>
  );
}
