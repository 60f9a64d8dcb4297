import type { JSX } from "preact";
import { command } from "../command";
import { LIST_PAUSE_MS, useLive } from "../live";
import { printable, shortened } from "../printable";
import { hostPath, Link, usePlace } from "../router";
import { TASK_STATES } from "../states";
import { between } from "../time";
import type { Task } from "../types";
import { Filters, Loading, Page, Pager, State, Table, Time } from "../ui";

const FIELDS = ["status", "app", "func", "agentip", "type", "by", "cron_id", "since", "until", "after"];

export function TasksPage(): JSX.Element {
  const { query } = usePlace();
  const given = Object.fromEntries(FIELDS.map((name) => [name, query.get(name) ?? undefined]));
  const tasks = useLive<{ info: Task[]; next?: string }>(`tasks?${query.toString()}`, ["now"], (reading) =>
    reading.call("tasklog.listtasks", { ...given, limit: 75 }), LIST_PAUSE_MS);
  return (
    <Page
      title="Tasks"
      command={command("tasks", ["--status", given.status], ["--app", given.app], ["--func", given.func], ["--agent", given.agentip], ["--type", given.type], ["--by", given.by], ["--cron", given.cron_id], ["--since", given.since], ["--until", given.until])}
    >
      <Filters
        label="Search tasks"
        of={[
          { key: "status", label: "State", options: [["", "any"], ...TASK_STATES] },
          { key: "app", label: "App" },
          { key: "func", label: "Function" },
          { key: "agentip", label: "Host", placeholder: "address" },
          { key: "type", label: "Sent as", options: [["", "any"], "rt", "async", "cron"] },
          { key: "by", label: "By key" },
          { key: "since", label: "Since", placeholder: "YYYY-MM-DD HH:MM:SS" },
          { key: "until", label: "Until", placeholder: "YYYY-MM-DD HH:MM:SS" },
        ]}
      />
      <Loading of={tasks} />
      {tasks.data && (
        <>
          <TaskTable tasks={tasks.data.info} withHost />
          <Pager next={tasks.data.next} />
        </>
      )}
    </Page>
  );
}

export function TaskTable(props: { tasks: Task[]; withHost?: boolean; empty?: string }): JSX.Element {
  return (
    <Table
      label="Tasks"
      rows={props.tasks}
      id={(task) => task.id}
      empty={props.empty ?? "No task fits."}
      columns={[
        { head: "State", cell: (task) => <State is={task.status} /> },
        { head: "Task", cell: (task) => <Link to={`/tasks/${task.id}`}>{printable(task.instruct)}</Link> },
        ...(props.withHost ? [{ head: "Host", cell: (task: Task) => <Link to={hostPath(task.agentip)}>{task.agentip}</Link> }] : []),
        { head: "Begun", cell: (task) => <Time at={task.starttime} /> },
        { head: "Took", class: "number", cell: (task) => between(task.starttime, task.endtime) },
        { head: "It said", class: "wide", cell: (task) => shortened(task.worker_message || task.agent_sync_error, 90) },
        { head: "By", cell: (task) => <span class="id">{printable(task.by)}</span> },
      ]}
    />
  );
}
