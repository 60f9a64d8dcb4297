import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call } from "../api";
import { Confirm, Editor } from "../editor";
import { LIST_PAUSE_MS, useLive } from "../live";
import { printable, shortened } from "../printable";
import { Link, path } from "../router";
import { useCan } from "../session";
import type { Group } from "../types";
import { Loading, Page, Table, Time } from "../ui";

export function GroupsPage(): JSX.Element {
  const can = useCan();
  const [edited, setEdited] = useState<Partial<Group>>();
  const [deleted, setDeleted] = useState<Group>();
  const groups = useLive<Group[]>("groups", ["hosts"], async (reading) => (await reading.call<{ groups: Group[] }>("fleet.listgroups")).groups, LIST_PAUSE_MS);
  return (
    <Page
      title="Groups"
      lead={<p class="lead dim">Named target expressions. A group means what it says at the moment it is used.</p>}
      actions={
        can("fleet.setgroup") && (
          <button type="button" class="primary" onClick={() => setEdited({})}>
            New group
          </button>
        )
      }
      command="elvesctl group list"
    >
      <Loading of={groups} />
      {groups.data && (
        <Table
          label="Groups"
          rows={groups.data}
          id={(group) => group.name}
          empty="No group."
          columns={[
            { head: "Group", cell: (group) => <Link to={path("/hosts", { target: `@${group.name}` })}>@{printable(group.name)}</Link> },
            { head: "Target", class: "wide", cell: (group) => <code>{shortened(group.target, 120)}</code> },
            { head: "Hosts", class: "number", cell: (group) => (group.error ? <span class="warn">{shortened(group.error, 80)}</span> : group.count) },
            { head: "Note", class: "wide", cell: (group) => shortened(group.note, 80) },
            { head: "Set", cell: (group) => <Time at={group.time} /> },
            {
              head: "Do",
              cell: (group) =>
                can("fleet.setgroup") && (
                  <span class="buttons">
                    <button type="button" class="small" onClick={() => setEdited(group)} aria-label={`Change ${group.name}`}>
                      Change
                    </button>
                    <button type="button" class="small" onClick={() => setDeleted(group)} aria-label={`Delete ${group.name}`}>
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
          title={edited.name ? `Change @${edited.name}` : "New group"}
          act="Save"
          fields={[
            ...(edited.name ? [] : [{ key: "name", label: "Name", required: true, help: "Of a-z, 0-9, _ . -" }]),
            { key: "target", label: "Target", required: true, class: "full", placeholder: "env=prod and role=web" },
            { key: "note", label: "Note", class: "full" },
          ]}
          initial={{ name: edited.name ?? "", target: edited.target ?? "", note: edited.note ?? "" }}
          onClose={() => setEdited(undefined)}
          save={async (values) => {
            await call("fleet.setgroup", values);
            setEdited(undefined);
            groups.reload();
          }}
        />
      )}
      {deleted && (
        <Confirm
          title={`Delete @${deleted.name}`}
          act="Delete"
          onClose={() => setDeleted(undefined)}
          run={async () => {
            await call("fleet.delgroup", { name: deleted.name });
            setDeleted(undefined);
            groups.reload();
          }}
        >
          <p>What names it is refused from then on. Hosts stay as they are.</p>
        </Confirm>
      )}
    </Page>
  );
}
