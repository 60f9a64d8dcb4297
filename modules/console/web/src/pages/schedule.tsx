// One scheduled run, and its last runs.
import type { JSX } from "preact";
import { Acts, Param, type Act } from "../acts";
import { CallError } from "../api";
import { command } from "../command";
import { LIST_PAUSE_MS, useLive } from "../live";
import { NextTimes } from "../next_times";
import { printable } from "../printable";
import { Link, go, path } from "../router";
import { useCan } from "../session";
import { ruleInWords } from "../rule";
import type { Run, Schedule } from "../types";
import { Facts, Loading, Page, Section, State, Time } from "../ui";
import { RunTable } from "./runs";

export function SchedulePage(props: { id: string }): JSX.Element {
  const { id } = props;
  const live = useLive<{ schedule: Schedule; runs: Run[] }>(`schedule ${id}`, ["now"], async (reading) => {
    const [{ schedules }, { runs }] = await Promise.all([
      reading.call<{ schedules: Schedule[] }>("run.listschedules", { id, times: 5 }),
      reading.call<{ runs: Run[] }>("run.listruns", { schedule: id, limit: 30 }),
    ]);
    const schedule = schedules[0];
    if (!schedule) throw new CallError("417.1", `There is no schedule ${id}.`);
    return { schedule, runs };
  }, LIST_PAUSE_MS);
  const schedule = live.data?.schedule;
  return (
    <Page
      title={schedule ? `${printable(schedule.ins.app)} ${printable(schedule.ins.func)}` : "Scheduled run"}
      lead={
        schedule && (
          <p class="lead">
            <State is={schedule.on === "true" ? "on" : "paused"} /> <span>{ruleInWords(schedule.rule)}</span>
            <span class="dim">in {printable(schedule.timezone)}</span>
          </p>
        )
      }
      actions={schedule && <Actions schedule={schedule} onDone={live.reload} />}
      command={command("schedule", "show", id)}
    >
      <Loading of={live} />
      {live.data && schedule && (
        <>
          <Section title="Next times">
            <NextTimes times={schedule.next_times ?? []} none={schedule.on === "true" ? "It never fires again." : "It is paused."} />
          </Section>
          <Section title="Last runs" aside={<Link to={path("/runs", { schedule: id })}>All its runs</Link>}>
            <RunTable runs={live.data.runs} empty="It has not fired." />
          </Section>
          <Section title="What was set">
            <Facts
              of={[
                ["Target", <code>{printable(schedule.target)}</code>],
                ["Rule", <code>{printable(schedule.rule)}</code>],
                ["Waves", printable(schedule.waves ?? "")],
                ["Hosts at once", printable(schedule.parallel ?? "")],
                ["Failures tolerated", printable(schedule.max_fail ?? "")],
                ["Missed times", schedule.misfire === "once" ? "one run for all" : "are skipped"],
                ["While the last run goes on", schedule.overlap === "allow" ? "another run begins" : "a time is skipped"],
                ["Jitter", schedule.jitter === "0" ? "" : `${schedule.jitter} s`],
                ["Note", printable(schedule.note ?? "")],
                ["By", <span class="id">{printable(schedule.by)}</span>],
                ["Set", <Time at={schedule.create_time} />],
                ["Id", <span class="id">{schedule.id}</span>],
              ]}
            />
            <Param text={schedule.ins.param} />
          </Section>
        </>
      )}
    </Page>
  );
}

function Actions(props: { schedule: Schedule; onDone: () => void }): JSX.Element {
  const can = useCan();
  const { schedule, onDone } = props;
  const { id, target, ins, waves, parallel, max_fail } = schedule;
  const switched = schedule.on === "true"
    ? { method: "run.stopschedule", word: "Pause", about: "It stays, and does not fire.", then: onDone }
    : { method: "run.startschedule", word: "Start", about: "It fires again at the times of its rule.", then: onDone };
  const acts: Act[] = [
    { method: "run.delschedule", word: "Delete", about: "The schedule is deleted. Its runs go on, and stay in the list.", isDangerous: true, then: () => go("/schedules") },
    switched,
  ];
  return (
    <Acts of={acts} fields={{ id }}>
      {can("run.startrun") && (
        <Link to={path("/runs/new", { target, app: ins.app, func: ins.func, param: ins.param, waves, parallel, max_fail })} class="button">
          Plan a run now
        </Link>
      )}
      {can("run.setschedule") && (
        <Link to={path("/schedules/new", { id })} class="button">
          Change
        </Link>
      )}
    </Acts>
  );
}
