import type { JSX } from "preact";
import { listOf } from "../editor";
import { printable, shortened } from "../printable";
import { RecordsPage, type RecordKind } from "../records";
import { ruleInWords } from "../rule";
import { duration } from "../time";
import type { Window } from "../types";
import { State, Time } from "../ui";

function whenClosed(window: Window): string {
  if (window.rule === "") return `${window.from} to ${window.to}`;
  return `${ruleInWords(window.rule) ?? window.rule}, for ${duration(Number(window.lasts) * 1_000)}`;
}

const WINDOWS: RecordKind<Window> = {
  title: "Windows",
  word: "window",
  lead: "While a window is closed, nothing starts on its hosts: runs wait, schedules and cron jobs say what they left out.",
  command: "elvesctl window list",
  empty: "No window: work may start at any time.",
  topics: ["now"],
  list: async (reading) => (await reading.call<{ windows: Window[] }>("run.listwindows")).windows,
  set: "run.setwindow",
  erase: "run.delwindow",
  erased: "What it held back may start.",
  columns: [
    { head: "State", cell: (window) => <State is={window.closed === "true" ? "closed" : "open"} /> },
    { head: "Window", cell: (window) => <b>{printable(window.name)}</b> },
    { head: "Until", cell: (window) => <Time at={window.until} /> },
    {
      head: "Closed",
      class: "wide",
      cell: (window) => (
        <span title={window.rule}>
          {printable(whenClosed(window))} <span class="dim">{printable(window.timezone)}</span>
        </span>
      ),
    },
    { head: "Target", cell: (window) => <code>{shortened(window.target, 50)}</code> },
    { head: "Apps", cell: (window) => (window.apps.length === 0 ? "all" : shortened(window.apps.join(", "), 40)) },
    { head: "Note", class: "wide", cell: (window) => shortened(window.note, 80) },
  ],
  fields: [
    { key: "target", label: "Target", required: true, placeholder: "env=prod", class: "full" },
    { key: "apps", label: "Apps", placeholder: "all", help: "Names, and globs of app.func, with commas." },
    { key: "rule", label: "Closes at the times of a rule", placeholder: "0 0 8 ? * MON-FRI" },
    { key: "lasts", label: "And stays closed for", placeholder: "seconds" },
    { key: "from", label: "Or once, from", placeholder: "YYYY-MM-DD HH:MM:SS" },
    { key: "to", label: "To", placeholder: "YYYY-MM-DD HH:MM:SS" },
    { key: "timezone", label: "Time zone", placeholder: "the server's" },
    { key: "note", label: "Note", class: "full", help: "Whoever is refused reads it." },
  ],
  valuesOf: (window) => ({
    ...(Object.fromEntries(Object.entries(window).filter(([, value]) => typeof value === "string")) as Record<string, string>),
    apps: window.apps?.join(", ") ?? "",
  }),
  fieldsOf: ({ target, apps, rule, lasts, from, to, timezone, note }) => ({ target, apps: listOf(apps), rule, lasts: rule === "" ? "" : lasts, from, to, timezone, note }),
};

export function WindowsPage(): JSX.Element {
  return <RecordsPage kind={WINDOWS} />;
}
