import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { call } from "../api";
import { command } from "../command";
import { useAction, useLive } from "../live";
import { printable, printableLines, shortened } from "../printable";
import { Progress } from "../progress";
import { go, hostPath, Link, path, usePlace } from "../router";
import { readHosts, type HostPage } from "../run_hosts";
import { useCan } from "../session";
import { FINAL_RUN, HOST_STATES, RETRIED } from "../states";
import { Strip } from "../strip";
import { between, duration } from "../time";
import type { Run, RunAnswer, RunHost } from "../types";
import { Buttons, Check, Dialog, Facts, Field, Form, Loading, Page, Problem, Section, State, Table, Time } from "../ui";
import { aboutRun, hosts as hostsText } from "../words";

interface Data {
  run: Run;
  pages: HostPage[];
  answers: RunAnswer[];
  hasMoreAnswers: boolean;
}

const ROWS = 100;
const SILENT = ["undelivered", "expired"];

export function RunPage(props: { id: string }): JSX.Element {
  const { id } = props;
  const live = useLive<Data>(`run ${id}`, [`run:${id}`], async (reading, before) => {
    const { run } = await reading.call<{ run: Run }>("run.getrun", { id });
    const [pages, answers] = await Promise.all([
      readHosts(reading, id, before?.pages, FINAL_RUN.has(run.state)),
      reading.call<{ answers: RunAnswer[]; next?: string }>("run.listanswers", { id, limit: 20 }),
    ]);
    return { run, pages, answers: answers.answers, hasMoreAnswers: answers.next !== undefined };
  });
  const data = live.data;
  const hosts = useMemo(() => data?.pages.flatMap((page) => page.hosts) ?? [], [data?.pages]);
  if (!data) {
    return (
      <Page title={`Run ${id}`}>
        <Loading of={live} />
      </Page>
    );
  }
  const { run } = data;
  return (
    <Page
      title={`${printable(run.ins.app)} ${printable(run.ins.func)} on ${shortened(run.target, 80)}`}
      lead={
        <p class="lead">
          <State is={run.state} /> <span>{printable(aboutRun(run.state, run.why))}</span>
        </p>
      }
      actions={<Actions run={run} onDone={live.reload} />}
      command={command("runs", "show", id)}
    >
      <Problem error={live.error} />
      <Progress counts={run.counts ?? {}} total={Number(run.count)} />
      <Section title={hostsText(run.count)} aside={<Waves run={run} />}>
        <Strip hosts={hosts} version={live.readAt} onOpen={(host) => go(host.task === "" ? hostPath(host.agentip) : `/tasks/${host.task}`)} />
      </Section>
      <Answers answers={data.answers} hasMore={data.hasMoreAnswers} />
      <Silent hosts={hosts} />
      <Hosts hosts={hosts} />
      <Section title="What was asked">
        <Asked run={run} />
      </Section>
    </Page>
  );
}

function Waves(props: { run: Run }): JSX.Element {
  const { wave, wave_count: count, waves, parallel, max_fail: maxFail, worst } = props.run;
  return (
    <span class="dim">
      wave {wave} of {count} ({printable(waves ?? "100%")}), {parallel} at once, max_fail {printable(maxFail ?? "0")}, at worst {worst} fail
    </span>
  );
}

function Answers(props: { answers: RunAnswer[]; hasMore: boolean }): JSX.Element | null {
  if (props.answers.length === 0) return null;
  return (
    <Section title="Answers" aside={props.hasMore ? <span class="dim">the 20 most frequent</span> : undefined}>
      <ul class="answers">
        {props.answers.map((answer) => (
          <li key={`${answer.state} ${answer.exit_code} ${answer.text}`}>
            <span class="count">{Number(answer.count).toLocaleString("en")}×</span>
            <div>
              <State is={answer.state} />
              {answer.exit_code !== "" && answer.exit_code !== "0" && <span class="dim"> exit code {answer.exit_code}</span>}
              <pre>{answer.text === "" ? <span class="dim">(no text)</span> : printableLines(answer.text)}</pre>
              <span class="dim">
                {answer.hosts.slice(0, 5).map((ip, place) => (
                  <span key={ip}>
                    {place > 0 && ", "}
                    <Link to={hostPath(ip)}>{ip}</Link>
                  </span>
                ))}
                {Number(answer.count) > 5 && ` and ${Number(answer.count) - 5} more`}
              </span>
            </div>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Silent(props: { hosts: RunHost[] }): JSX.Element | null {
  const silent = props.hosts.filter((host) => SILENT.includes(host.state));
  if (silent.length === 0) return null;
  return (
    <Section title={`${hostsText(silent.length)} not reached`}>
      <p class="addresses">
        {silent.slice(0, 60).map((host) => (
          <Link key={host.agentip} to={hostPath(host.agentip)} title={printable(host.asset)}>
            {host.agentip}
          </Link>
        ))}
        {silent.length > 60 && <span class="dim">and {silent.length - 60} more, in the table below</span>}
      </p>
    </Section>
  );
}

function Hosts(props: { hosts: RunHost[] }): JSX.Element {
  const { path: here, query } = usePlace();
  const state = query.get("state") ?? "";
  const from = Number(query.get("from") ?? 0) || 0;
  const fitting = state === "" ? props.hosts : props.hosts.filter((host) => host.state === state);
  const rows = fitting.slice(from, from + ROWS);
  const to = (changed: { state?: string; from?: string }): string => path(here, { state, ...changed });
  const present = HOST_STATES.filter((each) => props.hosts.some((host) => host.state === each));
  return (
    <Section
      title="Hosts"
      aside={
        <span class="choices">
          <Link to={to({ state: "" })} current={state === ""}>
            all
          </Link>
          {present.map((each) => (
            <Link key={each} to={to({ state: each })} current={state === each}>
              {each.replaceAll("_", " ")}
            </Link>
          ))}
        </span>
      }
    >
      <Table
        label="Hosts of the run"
        rows={rows}
        id={(host) => host.agentip}
        columns={[
          { head: "State", cell: (host) => <State is={host.state} /> },
          { head: "Host", cell: (host) => <Link to={hostPath(host.agentip)}>{host.agentip}</Link> },
          { head: "Asset", cell: (host) => shortened(host.asset, 30) },
          { head: "Wave", class: "number", cell: (host) => host.wave },
          { head: "Took", class: "number", cell: (host) => (host.costtime === "" ? "" : duration(Number(host.costtime))) },
          { head: "Answer", class: "wide", cell: (host) => shortened(host.answer, 100) },
          { head: "Task", cell: (host) => host.task !== "" && <Link to={`/tasks/${host.task}`} class="id">{host.task}</Link> },
        ]}
      />
      <nav class="pager" aria-label="Pages of hosts">
        {from > 0 && <Link to={to({ from: from > ROWS ? String(from - ROWS) : "" })}>Previous {ROWS}</Link>}
        {from + ROWS < fitting.length && <Link to={to({ from: String(from + ROWS) })}>Next {ROWS}</Link>}
        {fitting.length > ROWS && (
          <span class="dim">
            {from + 1} to {Math.min(from + ROWS, fitting.length)} of {fitting.length.toLocaleString("en")}
          </span>
        )}
      </nav>
    </Section>
  );
}

function Asked(props: { run: Run }): JSX.Element {
  const { run } = props;
  const [isParamShown, setParamShown] = useState(false);
  const param = run.ins.param ?? "";
  return (
    <>
      <Facts
        of={[
          ["Target", <code>{printable(run.target)}</code>],
          ["By", <span class="id">{printable(run.by)}</span>],
          ["From", printable(run.from)],
          ["Made", <Time at={run.create_time} />],
          ["Begun", run.start_time && <Time at={run.start_time} />],
          ["Ended", run.end_time && <Time at={run.end_time} />],
          ["Took", between(run.start_time, run.end_time)],
          ["Waits between waves", run.pause === "ask" ? "for a person" : run.pause && run.pause !== "0" ? `${run.pause} s` : ""],
          ["Order", run.order === "address" ? "" : printable(run.order ?? "")],
          ["Waits for hosts that are away", run.ttl && run.ttl !== "0" ? `${run.ttl} s` : ""],
          ["Retry of", run.of && <Link to={`/runs/${run.of}`} class="id">{run.of}</Link>],
          ["Schedule", run.schedule && <Link to={`/schedules/run/${run.schedule}`} class="id">{run.schedule}</Link>],
          ["Note", printable(run.note ?? "")],
          ["Id", <span class="id">{run.id}</span>],
        ]}
      />
      {param !== "" && (
        <p>
          <button type="button" class="small" aria-expanded={isParamShown} onClick={() => setParamShown(!isParamShown)}>
            {isParamShown ? "Hide the param" : "Show the param"}
          </button>
        </p>
      )}
      {isParamShown && <pre class="param">{printableLines(param)}</pre>}
    </>
  );
}

type Steering = "pause" | "resume" | "stop" | "cancel";

const STEERING: Record<Steering, { word: string; about: string; isDangerous: boolean }> = {
  pause: { word: "Pause", about: "Nothing more starts until it is resumed. What runs goes on.", isDangerous: false },
  resume: { word: "Resume", about: "It goes on where it was.", isDangerous: false },
  stop: { word: "Stop", about: "Nothing more starts, for good. What runs goes on to its end.", isDangerous: true },
  cancel: { word: "Cancel the run", about: "Nothing more starts, for good, and what runs is canceled.", isDangerous: true },
};

function Actions(props: { run: Run; onDone: () => void }): JSX.Element | null {
  const can = useCan();
  const [asked, setAsked] = useState<Steering | "retry">();
  const { run } = props;
  const close = (): void => setAsked(undefined);
  const hasEnded = FINAL_RUN.has(run.state);
  const offered: Steering[] = hasEnded ? [] : [run.state === "paused" ? "resume" : "pause", "stop", "cancel"];
  const isRetried = hasEnded && can("run.retryrun") && RETRIED.some((state) => Number(run.counts?.[state] ?? 0) > 0);
  return (
    <>
      {can("run.steerrun") &&
        offered.map((what) => (
          <button key={what} type="button" class={what === "resume" ? "primary" : STEERING[what].isDangerous ? "danger" : undefined} onClick={() => setAsked(what)}>
            {STEERING[what].word}
          </button>
        ))}
      {isRetried && (
        <button type="button" class="primary" onClick={() => setAsked("retry")}>
          Retry
        </button>
      )}
      {asked === "retry" && <Retry run={run} onClose={close} />}
      {asked !== undefined && asked !== "retry" && <Steer run={run} what={asked} onClose={close} onDone={props.onDone} />}
    </>
  );
}

function Steer(props: { run: Run; what: Steering; onClose: () => void; onDone: () => void }): JSX.Element {
  const { run, what } = props;
  const needsLimit = what === "resume" && run.why === "max_fail";
  const [note, setNote] = useState("");
  const [maxFail, setMaxFail] = useState(run.max_fail ?? "0");
  const action = useAction();
  const submit = (): void =>
    action.run(async () => {
      await call("run.steerrun", { id: run.id, do: what, note, max_fail: needsLimit ? maxFail : undefined });
      props.onClose();
      props.onDone();
    });
  return (
    <Dialog title={STEERING[what].word} onClose={props.onClose}>
      <Form onSubmit={submit}>
        <p>{STEERING[what].about}</p>
        {needsLimit && (
          <Field label="Failures that are tolerated from now on" value={maxFail} onChange={setMaxFail} required help="A number, or a percentage such as 5%. It goes on only where no more than that have failed." />
        )}
        <Field label="Why" value={note} onChange={setNote} help="It is in the audit trail." autofocus={!needsLimit} />
        <Problem error={action.error} />
        <Buttons act={STEERING[what].word} isBusy={action.isBusy} isDangerous={STEERING[what].isDangerous} onCancel={props.onClose} />
      </Form>
    </Dialog>
  );
}

function Retry(props: { run: Run; onClose: () => void }): JSX.Element {
  const { run } = props;
  const present = RETRIED.filter((state) => Number(run.counts?.[state] ?? 0) > 0);
  const [chosen, setChosen] = useState(() => new Set<string>(present.filter((state) => state === "failed" || state === "timeout")));
  const action = useAction();
  const count = [...chosen].reduce((sum, state) => sum + Number(run.counts?.[state] ?? 0), 0);
  const submit = (): void =>
    action.run(async () => {
      const { id } = await call<{ id: string }>("run.retryrun", { id: run.id, states: [...chosen] });
      props.onClose();
      go(`/runs/${id}`);
    });
  return (
    <Dialog title="Retry" onClose={props.onClose}>
      <Form onSubmit={submit}>
        <p>A new run of the same instruction, with the same limits, on those hosts of this run that are</p>
        {present.map((state) => (
          <Check
            key={state}
            label={`${state.replaceAll("_", " ")}: ${hostsText(run.counts?.[state] ?? 0)}`}
            value={chosen.has(state)}
            onChange={(isOn) => {
              const next = new Set(chosen);
              if (isOn) next.add(state);
              else next.delete(state);
              setChosen(next);
            }}
          />
        ))}
        <Problem error={action.error} />
        <Buttons act={`Retry on ${hostsText(count)}`} isBusy={action.isBusy} isDisabled={count === 0} onCancel={props.onClose} />
      </Form>
    </Dialog>
  );
}
