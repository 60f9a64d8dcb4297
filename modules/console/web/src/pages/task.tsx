import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, CallError } from "../api";
import { command } from "../command";
import { useAction, useLive } from "../live";
import { Output } from "../output";
import { printable, printableLines } from "../printable";
import { cronPath, go, hostPath, Link, path } from "../router";
import { useCan } from "../session";
import { FINAL_TASK } from "../states";
import { between, duration } from "../time";
import type { StoryLine, Task } from "../types";
import { Buttons, Dialog, Facts, Field, Form, Loading, Page, Problem, Section, State, Time } from "../ui";

interface Data {
  task: Task;
  story: StoryLine[];
}

/** `app.func`: the last dot separates them. */
function splitInstruct(text: string): [string, string] {
  const dot = text.lastIndexOf(".");
  return dot < 0 ? [text, ""] : [text.slice(0, dot), text.slice(dot + 1)];
}

export function TaskPage(props: { id: string }): JSX.Element {
  const { id } = props;
  const live = useLive<Data>(`task ${id}`, [`task:${id}`], async (reading) => {
    const [{ info }, { story }] = await Promise.all([
      reading.call<{ info: Task[] }>("tasklog.gettaskbyids", { id: [id] }),
      reading.call<{ story: StoryLine[] }>("tasklog.gettaskstory", { id }),
    ]);
    const task = info[0];
    if (!task) throw new CallError("416.1", `There is no task ${id}. It may be older than the log keeps.`);
    return { task, story };
  });
  const data = live.data;
  if (!data) {
    return (
      <Page title={`Task ${printable(id)}`}>
        <Loading of={live} />
      </Page>
    );
  }
  const { task } = data;
  const isFinal = FINAL_TASK.has(task.status);
  return (
    <Page
      title={`${printable(task.instruct)} on ${task.agentip}`}
      lead={
        <p class="lead">
          <State is={task.queued === "true" ? "queued" : task.status} />
          {task.endtime !== "" && <span>after {between(task.starttime, task.endtime)}</span>}
          {task.agent_sync_error !== "" && <span>{printable(task.agent_sync_error)}</span>}
        </p>
      }
      actions={<Actions task={task} isFinal={isFinal} onDone={live.reload} />}
      command={command("task", id)}
    >
      <Problem error={live.error} />
      {task.worker_message !== "" && (
        <Section title="Result">
          <pre class="result">{printableLines(task.worker_message)}</pre>
          {task.truncated === "true" && <p class="dim">Cut: the record is longer than one answer may be.</p>}
        </Section>
      )}
      <Section title="Output">
        <Output id={id} version={live.readAt} isFinal={isFinal} />
      </Section>
      <Section title="What happened">
        <ol class="story">
          {data.story.map((line, place) => (
            <li key={place}>
              <time>{line.time}</time>
              <span class="gap">{line.gap === "0" ? "" : `+${duration(Number(line.gap))}`}</span>
              <span>{printable(line.what)}</span>
            </li>
          ))}
        </ol>
      </Section>
      <Section title="What was asked">
        <Asked task={task} />
      </Section>
    </Page>
  );
}

function Asked(props: { task: Task }): JSX.Element {
  const { task } = props;
  const [isParamShown, setParamShown] = useState(false);
  const [app, func] = splitInstruct(task.instruct);
  return (
    <>
      <Facts
        of={[
          ["Host", <Link to={hostPath(task.agentip)}>{task.agentip}</Link>],
          ["App and function", <Link to={path("/tasks", { app, func })}>{printable(task.instruct)}</Link>],
          ["File", printable(task.proxy)],
          ["By", <span class="id">{printable(task.by)}</span>],
          ["From", printable(task.from)],
          ["Sent as", task.type],
          ["Begun", <Time at={task.starttime} />],
          ["Ended", task.endtime && <Time at={task.endtime} />],
          ["Run", task.run && <Link to={`/runs/${task.run}`} class="id">{task.run}</Link>],
          ["Cron job", task.cron_id && <Link to={cronPath(task.agentip, task.cron_id)} class="id">{task.cron_id}</Link>],
          ["Time of the rule", task.fire_time && <Time at={task.fire_time} />],
          ["Firings in this record", task.count === "1" ? "" : task.count],
          ["To the processor", task.module_sync_flag === "" ? "" : task.module_sync_flag === "true" ? "delivered" : printable(task.module_sync_error)],
          ["The processor said", printable(task.processor_message)],
          ["Id", <span class="id">{task.id}</span>],
        ]}
      />
      {task.param !== "" && (
        <p>
          <button type="button" class="small" aria-expanded={isParamShown} onClick={() => setParamShown(!isParamShown)}>
            {isParamShown ? "Hide the param" : "Show the param"}
          </button>
        </p>
      )}
      {isParamShown && <pre class="param">{printableLines(task.param)}</pre>}
    </>
  );
}

function Actions(props: { task: Task; isFinal: boolean; onDone: () => void }): JSX.Element {
  const can = useCan();
  const [asked, setAsked] = useState<"cancel" | "repeat">();
  const close = (): void => setAsked(undefined);
  return (
    <>
      {!props.isFinal && can("sheduler.canceltask") && (
        <button type="button" class="danger" onClick={() => setAsked("cancel")}>
          Cancel the task
        </button>
      )}
      {props.isFinal && can("sheduler.sendasync") && (
        <button type="button" onClick={() => setAsked("repeat")}>
          Repeat
        </button>
      )}
      {asked === "cancel" && <Cancel task={props.task} onClose={close} onDone={props.onDone} />}
      {asked === "repeat" && <Repeat task={props.task} onClose={close} />}
    </>
  );
}

function Cancel(props: { task: Task; onClose: () => void; onDone: () => void }): JSX.Element {
  const action = useAction();
  const submit = (): void =>
    action.run(async () => {
      await call("sheduler.canceltask", { id: props.task.id });
      props.onClose();
      props.onDone();
    });
  return (
    <Dialog title="Cancel the task" onClose={props.onClose}>
      <Form onSubmit={submit}>
        <p>
          The worker of {printable(props.task.instruct)} on {props.task.agentip} is stopped, wherever it is.
        </p>
        <Problem error={action.error} />
        <Buttons act="Cancel the task" isBusy={action.isBusy} isDangerous onCancel={props.onClose} />
      </Form>
    </Dialog>
  );
}

function Repeat(props: { task: Task; onClose: () => void }): JSX.Element {
  const { task } = props;
  const [timeout, setTimeoutText] = useState("");
  const [app, func] = splitInstruct(task.instruct);
  const action = useAction();
  const isCut = task.truncated === "true";
  const submit = (): void =>
    action.run(async () => {
      const ins = Object.fromEntries(
        Object.entries({ mode: task.mode, app, func, param: task.param, proxy: task.proxy, timeout }).filter(([, value]) => value !== ""),
      );
      const { info } = await call<{ info: { id: string } }>("sheduler.sendasync", { agentip: task.agentip, ins });
      props.onClose();
      go(`/tasks/${info.id}`);
    });
  return (
    <Dialog title="Repeat" onClose={props.onClose}>
      <Form onSubmit={submit}>
        <p>
          A new task, {printable(task.instruct)} on {task.agentip}, with the same param.
        </p>
        <Field label="Timeout" value={timeout} onChange={setTimeoutText} placeholder="90 s" help="Seconds. The log does not keep that of the first task." autofocus />
        {isCut && <p class="warn">The param is longer than the console can read. Repeat this task with elvesctl.</p>}
        <Problem error={action.error} />
        <Buttons act="Repeat" isBusy={action.isBusy} isDisabled={isCut} onCancel={props.onClose} />
      </Form>
    </Dialog>
  );
}
