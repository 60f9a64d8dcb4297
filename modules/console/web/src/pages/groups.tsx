import type { JSX } from "preact";
import { printable, shortened } from "../printable";
import { RecordsPage, type RecordKind } from "../records";
import { Link, path } from "../router";
import type { Group } from "../types";
import { Time } from "../ui";

const GROUPS: RecordKind<Group> = {
  title: "Groups",
  word: "group",
  lead: "Named target expressions. A group means what it says at the moment it is used.",
  command: "elvesctl group list",
  empty: "No group.",
  topics: ["hosts"],
  list: async (reading) => (await reading.call<{ groups: Group[] }>("fleet.listgroups")).groups,
  set: "fleet.setgroup",
  erase: "fleet.delgroup",
  erased: "What names it is refused from then on. Hosts stay as they are.",
  called: (name) => `@${name}`,
  columns: [
    { head: "Group", cell: (group) => <Link to={path("/hosts", { target: `@${group.name}` })}>@{printable(group.name)}</Link> },
    { head: "Target", class: "wide", cell: (group) => <code>{shortened(group.target, 120)}</code> },
    { head: "Hosts", class: "number", cell: (group) => (group.error ? <span class="warn">{shortened(group.error, 80)}</span> : group.count) },
    { head: "Note", class: "wide", cell: (group) => shortened(group.note, 80) },
    { head: "Set", cell: (group) => <Time at={group.time} /> },
  ],
  fields: [
    { key: "target", label: "Target", required: true, class: "full", placeholder: "env=prod and role=web" },
    { key: "note", label: "Note", class: "full" },
  ],
  valuesOf: (group) => ({ target: group.target ?? "", note: group.note ?? "" }),
  fieldsOf: ({ target, note }) => ({ target, note }),
};

export function GroupsPage(): JSX.Element {
  return <RecordsPage kind={GROUPS} />;
}
