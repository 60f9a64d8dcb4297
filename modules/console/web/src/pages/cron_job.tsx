import type { JSX } from "preact";
import { Acts, Param, type Act } from "../acts";
import { CallError } from "../api";
import { command } from "../command";
import { LIST_PAUSE_MS, useLive } from "../live";
import { NextTimes } from "../next_times";
import { printable } from "../printable";
import { cronEditPath, go, Link } from "../router";
import { useCan } from "../session";
import { ruleInWords } from "../rule";
import type { CronJob, Task } from "../types";
import { Facts, Loading, Page, Section, Time } from "../ui";
import { CronFlag } from "./schedules";
import { TaskTable } from "./tasks";

interface Data {
  job: CronJob;
  tasks: Task[];
}

export function CronJobPage(props: { ip: string; id: string }): JSX.Element {
  const { ip, id } = props;
  const live = useLive<Data>(`cron ${id}`, ["now"], async (reading) => {
    const [{ cron_list: jobs }, { info }] = await Promise.all([
      reading.call<{ cron_list: CronJob[] }>("cron.listcrons", { agentip: ip, id, times: 5 }),
      reading.call<{ info: Task[] }>("tasklog.listtasks", { cron_id: id, limit: 30 }),
    ]);
    const job = jobs[0];
    if (!job) throw new CallError("411.1", `${ip} has no cron job ${id}.`);
    return { job, tasks: info };
  }, LIST_PAUSE_MS);
  const job = live.data?.job;
  return (
    <Page
      title={job ? `${printable(job.name || `${job.ins.app} ${job.ins.func}`)} on ${ip}` : "Cron job"}
      lead={
        job && (
          <p class="lead">
            <CronFlag flag={job.cron_flag} /> <span>{ruleInWords(job.rule)}</span>
            <span class="dim">in {printable(job.timezone)}</span>
          </p>
        )
      }
      actions={job && <Actions job={job} onDone={live.reload} />}
      command={command("cron", "list", ip)}
    >
      <Loading of={live} />
      {live.data && job && (
        <>
          {job.refused !== "" && <p class="problem">Its agent refuses it: {printable(job.refused)}</p>}
          {job.agent_told === "false" && <p class="warn">The agent has not confirmed the job as it is now. Until it does, it goes on with what it had.</p>}
          <Section title="Next times">
            <NextTimes times={job.next_times ?? []} none={job.cron_flag === "0" ? "It is paused." : "It never fires again."} />
          </Section>
          <Section title="Last firings">
            <TaskTable tasks={live.data.tasks} empty="It has not fired." />
          </Section>
          <Section title="What was set">
            <Facts
              of={[
                ["App and function", `${printable(job.ins.app)} ${printable(job.ins.func)}`],
                ["Rule", <code>{printable(job.rule)}</code>],
                ["Fired by", job.cron_type === "self" ? "its agent, also while the server is away" : "the server"],
                ["Missed times", job.misfire === "once" ? "one run for all" : "are skipped"],
                ["While the last run goes on", { skip: "a time is skipped", allow: "another run begins", replace: "the older run is canceled" }[job.overlap] ?? printable(job.overlap)],
                ["Jitter", job.jitter === "0" ? "" : `${job.jitter} s`],
                ["Timeout", job.ins.timeout === "0" ? "" : `${job.ins.timeout} s`],
                ["Watched as", printable(job.watch)],
                ["Not before", printable(job.start_date)],
                ["Not after", printable(job.end_date)],
                ["By", <span class={job.by_deleted === "true" ? "id warn" : "id"}>{printable(job.by)}{job.by_deleted === "true" && " (deleted)"}</span>],
                ["Set", <Time at={job.create_time} />],
                ["Id", <span class="id">{job.cron_id}</span>],
              ]}
            />
            <Param text={job.ins.param} />
          </Section>
        </>
      )}
    </Page>
  );
}

function Actions(props: { job: CronJob; onDone: () => void }): JSX.Element {
  const can = useCan();
  const { job, onDone } = props;
  const switched = job.cron_flag === "0"
    ? { method: "cron.startcron", word: "Start", about: "It fires again at the times of its rule.", then: onDone }
    : { method: "cron.stopcron", word: "Pause", about: "It stays, and does not fire. Firings that wait for their agent end.", then: onDone };
  const acts: Act[] = [
    { method: "cron.delcronbyipid", word: "Delete", about: "The job is deleted. Its tasks stay in the log.", isDangerous: true, then: () => go("/schedules") },
    switched,
    {
      method: "cron.runcron",
      word: "Run now",
      about: "A task starts now, whatever the rule says. Its overlap rule applies.",
      isMain: true,
      then: ({ id }) => (id === undefined ? onDone() : go(`/tasks/${id}`)),
    },
  ];
  return (
    <Acts of={acts} fields={{ agentip: job.agent_ip, id: job.cron_id }}>
      {can("cron.setcronbyip") && (
        <Link to={cronEditPath(job.agent_ip, job.cron_id)} class="button">
          Change
        </Link>
      )}
    </Acts>
  );
}
