// Which page a URL shows.
import type { JSX } from "preact";
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
import { Page } from "./ui";

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

export function Pages(props: { place: Place }): JSX.Element {
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
