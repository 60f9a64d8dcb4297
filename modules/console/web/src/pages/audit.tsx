import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call } from "../api";
import { command } from "../command";
import { useAction, useLive } from "../live";
import { save } from "../output";
import { printable, shortened } from "../printable";
import { hostPath, Link, usePlace } from "../router";
import { useCan } from "../session";
import type { AuditRow } from "../types";
import { Filters, Icon, Loading, Page, Pager, Problem, State, Table, Time } from "../ui";

const FIELDS = ["key", "method", "agentip", "app", "id", "since", "until", "after"];
const MAX_EXPORTED = 100_000;

interface Rows {
  rows: AuditRow[];
  next?: string;
}

interface Verified {
  checked: string | number;
  at: string;
  more: string;
  found?: { seq: string | number; kind: string; what: string } | { seq: string | number; kind: string; what: string }[];
}

export function AuditPage(): JSX.Element {
  const can = useCan();
  const { query } = usePlace();
  const given: Record<string, unknown> = Object.fromEntries(FIELDS.map((name) => [name, query.get(name) ?? undefined]));
  const isDenied = query.get("denied") === "true";
  if (isDenied) given.denied = true;
  const text = (name: string): string | undefined => query.get(name) ?? undefined;
  const live = useLive<Rows>(`audit?${query.toString()}`, [], (reading) => reading.call("elves.listaudit", { ...given, limit: 75 }));
  return (
    <Page
      title="Audit"
      actions={
        <>
          <Export given={given} />
          {can("elves.verifyaudit") && <Verify />}
        </>
      }
      command={command("audit", ["--by", text("key")], ["--method", text("method")], ["--agent", text("agentip")], ["--app", text("app")], ["--id", text("id")], ["--since", text("since")], ["--until", text("until")], ...(isDenied ? ["--denied"] : []))}
    >
      <Filters
        label="Filter the audit trail"
        of={[
          { key: "method", label: "Method", placeholder: "sendasync" },
          { key: "key", label: "By key" },
          { key: "agentip", label: "Host", placeholder: "address" },
          { key: "app", label: "App" },
          { key: "id", label: "Id" },
          { key: "since", label: "Since", placeholder: "YYYY-MM-DD HH:MM:SS" },
          { key: "denied", label: "Show", options: [["", "all"], ["true", "only denied"]] },
        ]}
      />
      <Loading of={live} />
      {live.data && (
        <>
          <Table
            label="Audit trail"
            rows={live.data.rows}
            id={(row) => String(row.seq)}
            empty={live.data.next === undefined ? "No row fits." : "None on this page; there may be more."}
            columns={[
              { head: "When", cell: (row) => <Time at={row.time} /> },
              { head: "Who", cell: (row) => <><span class="id">{printable(row.key)}</span> <span class="dim">{printable(row.address)}</span></> },
              { head: "Method", cell: (row) => printable(row.method) },
              { head: "Host", cell: (row) => row.agentip !== "" && <Link to={hostPath(row.agentip)}>{row.agentip}</Link> },
              { head: "About", class: "wide", cell: (row) => shortened([[row.app, row.func].filter((word) => word !== "").join("."), row.id, row.proxy ?? ""].filter((word) => word !== "").join(" "), 70) },
              { head: "Result", cell: (row) => <State is={row.allowed === "true" ? "done" : "denied"} word={row.result || (row.allowed === "true" ? "ok" : "denied")} /> },
              { head: "Row", class: "number", cell: (row) => <span class="dim">{row.seq}</span> },
            ]}
          />
          <Pager next={live.data.next} />
        </>
      )}
    </Page>
  );
}

function Verify(): JSX.Element {
  const action = useAction();
  const [result, setResult] = useState<{ checked: number; at: string; found: string[]; isOver: boolean }>();
  const verify = (): void =>
    action.run(async () => {
      let checked = 0;
      let from: string | undefined;
      for (;;) {
        const reply: Verified = await call<Verified>("elves.verifyaudit", { from });
        checked += Number(reply.checked);
        const faults = reply.found === undefined ? [] : Array.isArray(reply.found) ? reply.found : [reply.found];
        const found = faults.map((fault) => `row ${fault.seq} is ${fault.kind}: ${fault.what}`);
        const isOver = found.length > 0 || reply.more !== "true";
        setResult({ checked, at: reply.at, found, isOver });
        if (isOver) return;
        from = reply.at;
      }
    });
  return (
    <span class="verify">
      {result && (
        <span role="status" class={result.found.length > 0 ? "bad" : "good"}>
          <Icon shape={result.found.length > 0 ? "cross" : "check"} />{" "}
          {result.found.length > 0 ? shortened(result.found.join("; "), 120) : `${result.checked.toLocaleString("en")} rows hold${result.isOver ? "" : " so far"}`}
        </span>
      )}
      <Problem error={action.error} />
      <button type="button" onClick={verify} disabled={action.isBusy}>
        {action.isBusy ? "Verifying…" : "Verify the chain"}
      </button>
    </span>
  );
}

function Export(props: { given: Record<string, unknown> }): JSX.Element {
  const action = useAction();
  const [count, setCount] = useState(0);
  const run = (): void =>
    action.run(async () => {
      const lines: string[] = [];
      let after: string | undefined;
      do {
        const page: Rows = await call<Rows>("elves.listaudit", { ...props.given, order: "oldest", after, limit: 1_000 });
        for (const row of page.rows) lines.push(`${JSON.stringify(row)}\n`);
        setCount(lines.length);
        after = page.next;
      } while (after !== undefined && lines.length < MAX_EXPORTED);
      save(lines, "audit.jsonl");
    });
  return (
    <>
      <Problem error={action.error} />
      <button type="button" onClick={run} disabled={action.isBusy} title={`Oldest first, a JSON line for each row, at most ${MAX_EXPORTED.toLocaleString("en")}`}>
        {action.isBusy ? `Exporting… ${count.toLocaleString("en")}` : "Export"}
      </button>
    </>
  );
}
