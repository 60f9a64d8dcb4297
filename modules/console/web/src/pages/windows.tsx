import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call } from "../api";
import { Confirm, Editor, listOf } from "../editor";
import { LIST_PAUSE_MS, useLive } from "../live";
import { printable, shortened } from "../printable";
import { useCan } from "../session";
import { ruleInWords } from "../rule";
import { duration } from "../time";
import type { Window } from "../types";
import { Loading, Page, State, Table, Time } from "../ui";

function whenClosed(window: Window): string {
  if (window.rule === "") return `${window.from} to ${window.to}`;
  return `${ruleInWords(window.rule) ?? window.rule}, for ${duration(Number(window.lasts) * 1_000)}`;
}

export function WindowsPage(): JSX.Element {
  const can = useCan();
  const [edited, setEdited] = useState<Partial<Window>>();
  const [deleted, setDeleted] = useState<Window>();
  const windows = useLive<Window[]>("windows", ["now"], async (reading) => (await reading.call<{ windows: Window[] }>("run.listwindows")).windows, LIST_PAUSE_MS);
  return (
    <Page
      title="Windows"
      lead={<p class="lead dim">While a window is closed, nothing starts on its hosts: runs wait, schedules and cron jobs say what they left out.</p>}
      actions={
        can("run.setwindow") && (
          <button type="button" class="primary" onClick={() => setEdited({})}>
            New window
          </button>
        )
      }
      command="elvesctl window list"
    >
      <Loading of={windows} />
      {windows.data && (
        <Table
          label="Windows"
          rows={windows.data}
          id={(window) => window.name}
          empty="No window: work may start at any time."
          columns={[
            { head: "State", cell: (window) => <State is={window.closed === "true" ? "closed" : "open"} /> },
            { head: "Window", cell: (window) => <b>{printable(window.name)}</b> },
            { head: "Until", cell: (window) => <Time at={window.until} /> },
            { head: "Closed", class: "wide", cell: (window) => <span title={window.rule}>{printable(whenClosed(window))} <span class="dim">{printable(window.timezone)}</span></span> },
            { head: "Target", cell: (window) => <code>{shortened(window.target, 50)}</code> },
            { head: "Apps", cell: (window) => (window.apps.length === 0 ? "all" : shortened(window.apps.join(", "), 40)) },
            { head: "Note", class: "wide", cell: (window) => shortened(window.note, 80) },
            {
              head: "Do",
              cell: (window) =>
                can("run.setwindow") && (
                  <span class="buttons">
                    <button type="button" class="small" onClick={() => setEdited(window)} aria-label={`Change ${window.name}`}>
                      Change
                    </button>
                    <button type="button" class="small" onClick={() => setDeleted(window)} aria-label={`Delete ${window.name}`}>
                      Delete
                    </button>
                  </span>
                ),
            },
          ]}
        />
      )}
      {edited && (
        <Editor
          title={edited.name ? `Change ${edited.name}` : "New window"}
          act="Save"
          fields={[
            ...(edited.name ? [] : [{ key: "name", label: "Name", required: true, help: "Of a-z, 0-9, _ . -" }]),
            { key: "target", label: "Target", required: true, placeholder: "env=prod", class: "full" },
            { key: "apps", label: "Apps", placeholder: "all", help: "Names, and globs of app.func, with commas." },
            { key: "rule", label: "Closes at the times of a rule", placeholder: "0 0 8 ? * MON-FRI" },
            { key: "lasts", label: "And stays closed for", placeholder: "seconds" },
            { key: "from", label: "Or once, from", placeholder: "YYYY-MM-DD HH:MM:SS" },
            { key: "to", label: "To", placeholder: "YYYY-MM-DD HH:MM:SS" },
            { key: "timezone", label: "Time zone", placeholder: "the server's" },
            { key: "note", label: "Note", class: "full", help: "Whoever is refused reads it." },
          ]}
          initial={{ ...(Object.fromEntries(Object.entries(edited).filter(([, value]) => typeof value === "string")) as Record<string, string>), apps: edited.apps?.join(", ") ?? "" }}
          onClose={() => setEdited(undefined)}
          save={async ({ name, target, apps, rule, lasts, from, to, timezone, note }) => {
            await call("run.setwindow", { name, target, apps: listOf(apps), rule, lasts: rule === "" ? "" : lasts, from, to, timezone, note });
            setEdited(undefined);
            windows.reload();
          }}
        />
      )}
      {deleted && (
        <Confirm
          title={`Delete ${deleted.name}`}
          act="Delete"
          onClose={() => setDeleted(undefined)}
          run={async () => {
            await call("run.delwindow", { name: deleted.name });
            setDeleted(undefined);
            windows.reload();
          }}
        >
          <p>What it held back may start.</p>
        </Confirm>
      )}
    </Page>
  );
}
