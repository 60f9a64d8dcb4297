import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call } from "../api";
import { Confirm, Editor, listOf } from "../editor";
import { LIST_PAUSE_MS, useLive } from "../live";
import { printable, shortened } from "../printable";
import { useCan } from "../session";
import type { Cap } from "../types";
import { Loading, Page, Table, Time } from "../ui";

const perText = (per: string): string => (per === "all" ? "in all" : per === "host" ? "on each host" : `for each ${printable(per)}`);

export function CapsPage(): JSX.Element {
  const can = useCan();
  const [edited, setEdited] = useState<Partial<Cap>>();
  const [deleted, setDeleted] = useState<Cap>();
  const caps = useLive<Cap[]>("caps", ["now"], async (reading) => (await reading.call<{ caps: Cap[] }>("run.listcaps")).caps, LIST_PAUSE_MS);
  return (
    <Page
      title="Caps"
      lead={<p class="lead dim">How many tasks may run at once on some hosts, however they were started.</p>}
      actions={
        can("run.setcap") && (
          <button type="button" class="primary" onClick={() => setEdited({})}>
            New cap
          </button>
        )
      }
      command="elvesctl cap list"
    >
      <Loading of={caps} />
      {caps.data && (
        <Table
          label="Caps"
          rows={caps.data}
          id={(cap) => cap.name}
          empty="No cap."
          columns={[
            { head: "Cap", cell: (cap) => <b>{printable(cap.name)}</b> },
            { head: "At most", cell: (cap) => `${cap.most} ${perText(cap.per)}` },
            { head: "Running now", class: "number", cell: (cap) => cap.running },
            { head: "Target", class: "wide", cell: (cap) => <code>{shortened(cap.target, 60)}</code> },
            { head: "Apps", cell: (cap) => (cap.apps.length === 0 ? "all" : shortened(cap.apps.join(", "), 40)) },
            { head: "Set", cell: (cap) => <Time at={cap.time} /> },
            {
              head: "Do",
              cell: (cap) =>
                can("run.setcap") && (
                  <span class="buttons">
                    <button type="button" class="small" onClick={() => setEdited(cap)} aria-label={`Change ${cap.name}`}>
                      Change
                    </button>
                    <button type="button" class="small" onClick={() => setDeleted(cap)} aria-label={`Delete ${cap.name}`}>
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
          title={edited.name ? `Change ${edited.name}` : "New cap"}
          act="Save"
          fields={[
            ...(edited.name ? [] : [{ key: "name", label: "Name", required: true, help: "Of a-z, 0-9, _ . -" }]),
            { key: "target", label: "Target", required: true, placeholder: "role=storage" },
            { key: "most", label: "At most", required: true, placeholder: "1" },
            { key: "per", label: "Counted for", placeholder: "all", help: "all, host, or a field such as idc." },
            { key: "apps", label: "Apps", placeholder: "all", help: "Names, and globs of app.func, with commas." },
          ]}
          initial={{ name: edited.name ?? "", target: edited.target ?? "", most: edited.most ?? "", per: edited.per ?? "", apps: edited.apps?.join(", ") ?? "" }}
          onClose={() => setEdited(undefined)}
          save={async (values) => {
            await call("run.setcap", { ...values, apps: listOf(values.apps) });
            setEdited(undefined);
            caps.reload();
          }}
        />
      )}
      {deleted && (
        <Confirm
          title={`Delete ${deleted.name}`}
          act="Delete"
          onClose={() => setDeleted(undefined)}
          run={async () => {
            await call("run.delcap", { name: deleted.name });
            setDeleted(undefined);
            caps.reload();
          }}
        >
          <p>What waits for it may start.</p>
        </Confirm>
      )}
    </Page>
  );
}
