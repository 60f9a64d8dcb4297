import type { JSX } from "preact";
import { command } from "../command";
import { LIST_PAUSE_MS, useLive } from "../live";
import { printable, shortened } from "../printable";
import { Progress } from "../progress";
import { Link, usePlace } from "../router";
import { useCan } from "../session";
import { RUN_STATES } from "../states";
import { between } from "../time";
import type { Run } from "../types";
import { Filters, Loading, Page, Pager, State, Table, Time } from "../ui";
import { whyPaused } from "../words";

const FIELDS = ["state", "app", "func", "by", "agentip", "schedule", "since", "until", "after"];

export function RunsPage(): JSX.Element {
  const can = useCan();
  const { query } = usePlace();
  const given = Object.fromEntries(FIELDS.map((name) => [name, query.get(name) ?? undefined]));
  const runs = useLive<{ runs: Run[]; next?: string }>(`runs?${query.toString()}`, ["now"], (reading) =>
    reading.call("run.listruns", { ...given, limit: 50 }), LIST_PAUSE_MS);
  return (
    <Page
      title="Runs"
      actions={can("run.startrun") && <Link to="/runs/new" class="button primary">New run</Link>}
      command={command("runs", ["--state", given.state], ["--app", given.app], ["--func", given.func], ["--by", given.by], ["--host", given.agentip], ["--since", given.since], ["--until", given.until])}
    >
      <Filters
        label="Filter runs"
        of={[
          { key: "state", label: "State", options: [["", "any"], ...RUN_STATES] },
          { key: "app", label: "App" },
          { key: "func", label: "Function" },
          { key: "agentip", label: "Host", placeholder: "address" },
          { key: "by", label: "By key" },
          { key: "since", label: "Since", placeholder: "YYYY-MM-DD HH:MM:SS" },
        ]}
      />
      <Loading of={runs} />
      {runs.data && (
        <>
          <RunTable runs={runs.data.runs} />
          <Pager next={runs.data.next} />
        </>
      )}
    </Page>
  );
}

export function RunTable(props: { runs: Run[]; empty?: string }): JSX.Element {
  return (
    <Table
      label="Runs"
      rows={props.runs}
      id={(run) => run.id}
      empty={props.empty ?? "No run fits."}
      columns={[
        { head: "State", cell: (run) => <State is={run.state} /> },
        {
          head: "What",
          cell: (run) => (
            <Link to={`/runs/${run.id}`}>
              {printable(run.ins.app)} {printable(run.ins.func)}
            </Link>
          ),
        },
        { head: "Target", class: "wide", cell: (run) => <code>{shortened(run.target, 60)}</code> },
        { head: "How", class: "wide", cell: (run) => run.counts && <Progress counts={run.counts} total={Number(run.count)} withWords={false} /> },
        { head: "Hosts", class: "number", cell: (run) => Number(run.count).toLocaleString("en") },
        { head: "Begun", cell: (run) => <Time at={run.start_time || run.create_time} /> },
        { head: "Took", class: "number", cell: (run) => between(run.start_time, run.end_time) },
        { head: "By", cell: (run) => <span class="id">{printable(run.by)}</span> },
        { head: "Why", class: "wide", cell: (run) => <span class="dim">{run.why !== "" ? shortened(run.state === "paused" ? whyPaused(run.why) : run.why, 80) : shortened(run.note ?? "", 80)}</span> },
      ]}
    />
  );
}
