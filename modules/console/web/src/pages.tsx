// Which page a URL shows.
import type { ComponentChildren, JSX } from "preact";
import { useErrorBoundary } from "preact/hooks";
import { CallError } from "./api";
import { AppsPage } from "./pages/apps";
import { AuditPage } from "./pages/audit";
import { CapsPage } from "./pages/caps";
import { CronJobPage } from "./pages/cron_job";
import { CronFormPage } from "./pages/cron_form";
import { GroupsPage } from "./pages/groups";
import { HostPage } from "./pages/host";
import { HostsPage } from "./pages/hosts";
import { JoinsPage } from "./pages/joins";
import { KeysPage } from "./pages/keys";
import { NewRunPage } from "./pages/new_run";
import { NowPage } from "./pages/now";
import { RunPage } from "./pages/run";
import { RunsPage } from "./pages/runs";
import { SchedulePage } from "./pages/schedule";
import { SchedulesPage } from "./pages/schedules";
import { SystemPage } from "./pages/system";
import { TaskPage } from "./pages/task";
import { TasksPage } from "./pages/tasks";
import { WindowsPage } from "./pages/windows";
import type { Place } from "./router";
import { Page, Problem } from "./ui";

type View = (parts: string[], query: (name: string) => string) => JSX.Element;

const VIEWS: [pattern: string, view: View][] = [
  ["/", () => <NowPage />],
  ["/runs", () => <RunsPage />],
  ["/runs/new", () => <NewRunPage />],
  ["/runs/:", ([id = ""]) => <RunPage key={id} id={id} />],
  ["/tasks", () => <TasksPage />],
  ["/tasks/:", ([id = ""]) => <TaskPage key={id} id={id} />],
  ["/hosts", () => <HostsPage />],
  ["/hosts/at", (_, query) => <HostPage key={query("ip")} ip={query("ip")} />],
  ["/schedules", () => <SchedulesPage />],
  ["/schedules/new", () => <NewRunPage isSchedule />],
  ["/schedules/cron/new", () => <CronFormPage />],
  ["/schedules/cron", (_, query) => <CronJobPage key={query("id")} ip={query("ip")} id={query("id")} />],
  ["/schedules/cron/edit", (_, query) => <CronFormPage key={query("id")} ip={query("ip")} id={query("id")} />],
  ["/schedules/run/:", ([id = ""]) => <SchedulePage key={id} id={id} />],
  ["/groups", () => <GroupsPage />],
  ["/windows", () => <WindowsPage />],
  ["/caps", () => <CapsPage />],
  ["/apps", () => <AppsPage />],
  ["/joins", () => <JoinsPage />],
  ["/keys", () => <KeysPage />],
  ["/audit", () => <AuditPage />],
  ["/system", () => <SystemPage />],
];

/** What stands for each `:` of the pattern; undefined where the path is another one. */
function match(pattern: string, path: string): string[] | undefined {
  const wanted = pattern.split("/");
  const given = path.replace(/(.)\/$/, "$1").split("/");
  if (wanted.length !== given.length) return undefined;
  const parts: string[] = [];
  for (const [place, word] of wanted.entries()) {
    const other = given[place] ?? "";
    if (word === ":" && other !== "") parts.push(decodeURIComponent(other));
    else if (word !== other) return undefined;
  }
  return parts;
}

/** A page that fails says so, in place of the blank that would be left. */
function Guard(props: { children: ComponentChildren }): JSX.Element {
  const [error] = useErrorBoundary();
  if (error === undefined) return <>{props.children}</>;
  return (
    <Page title="This page failed">
      <Problem error={new CallError("", String(error))} />
      <p>It is a fault of the console. What the page shows is also to be had with elvesctl.</p>
    </Page>
  );
}

export function Pages(props: { place: Place }): JSX.Element {
  return (
    <Guard key={props.place.path}>
      <View place={props.place} />
    </Guard>
  );
}

function View(props: { place: Place }): JSX.Element {
  for (const [pattern, view] of VIEWS) {
    const parts = match(pattern, props.place.path);
    if (parts) return view(parts, (name) => props.place.query.get(name) ?? "");
  }
  return (
    <Page title="Not found">
      <p>The console has no such page.</p>
    </Page>
  );
}
