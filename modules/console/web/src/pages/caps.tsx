import type { JSX } from "preact";
import { listOf } from "../editor";
import { printable, shortened } from "../printable";
import { RecordsPage, type RecordKind } from "../records";
import type { Cap } from "../types";
import { Time } from "../ui";

const perText = (per: string): string => (per === "all" ? "in all" : per === "host" ? "on each host" : `for each ${printable(per)}`);

const CAPS: RecordKind<Cap> = {
  title: "Caps",
  word: "cap",
  lead: "How many tasks may run at once on some hosts, however they were started.",
  command: "elvesctl cap list",
  empty: "No cap.",
  topics: ["now"],
  list: async (reading) => (await reading.call<{ caps: Cap[] }>("run.listcaps")).caps,
  set: "run.setcap",
  erase: "run.delcap",
  erased: "What waits for it may start.",
  columns: [
    { head: "Cap", cell: (cap) => <b>{printable(cap.name)}</b> },
    { head: "At most", cell: (cap) => `${cap.most} ${perText(cap.per)}` },
    { head: "Running now", class: "number", cell: (cap) => cap.running },
    { head: "Target", class: "wide", cell: (cap) => <code>{shortened(cap.target, 60)}</code> },
    { head: "Apps", cell: (cap) => (cap.apps.length === 0 ? "all" : shortened(cap.apps.join(", "), 40)) },
    { head: "Set", cell: (cap) => <Time at={cap.time} /> },
  ],
  fields: [
    { key: "target", label: "Target", required: true, placeholder: "role=storage" },
    { key: "most", label: "At most", required: true, placeholder: "1" },
    { key: "per", label: "Counted for", placeholder: "all", help: "all, host, or a field such as idc." },
    { key: "apps", label: "Apps", placeholder: "all", help: "Names, and globs of app.func, with commas." },
  ],
  valuesOf: (cap) => ({ target: cap.target ?? "", most: cap.most ?? "", per: cap.per ?? "", apps: cap.apps?.join(", ") ?? "" }),
  fieldsOf: ({ target, most, per, apps }) => ({ target, most, per, apps: listOf(apps) }),
};

export function CapsPage(): JSX.Element {
  return <RecordsPage kind={CAPS} />;
}
