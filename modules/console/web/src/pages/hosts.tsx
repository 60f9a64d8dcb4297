import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { CallError, call } from "../api";
import { command } from "../command";
import { LIST_PAUSE_MS, useAction, useLive } from "../live";
import { printable, shortened } from "../printable";
import { go, hostPath, Link, path, usePlace } from "../router";
import { useCan } from "../session";
import type { Agent, FoundAgents } from "../types";
import { Buttons, Dialog, Field, Form, Loading, Page, Pager, Problem, Section, State, Table, Tags, Time } from "../ui";
import { hosts as hostsText } from "../words";

interface Counts {
  counts: { value: string; online: string; offline: string }[];
}

export function HostsPage(): JSX.Element {
  const can = useCan();
  const { path: here, query } = usePlace();
  const target = query.get("target") ?? "all";
  const by = query.get("by") ?? "";
  const after = query.get("after") ?? undefined;
  const [typed, setTyped] = useState<string>();
  const [isLabelling, setLabelling] = useState(false);
  const found = useLive<FoundAgents>(`hosts ${query.toString()}`, ["hosts"], (reading) =>
    reading.call("fleet.findagents", { target, after, limit: 100 }), LIST_PAUSE_MS);
  const counts = useLive<Counts | undefined>(`counts ${target} ${by}`, [], async (reading) =>
    by === "" ? undefined : reading.call<Counts>("fleet.counthosts", { target, by }),
  );
  return (
    <Page
      title="Hosts"
      actions={
        <>
          {can("fleet.setlabels") && found.data && (
            <button type="button" onClick={() => setLabelling(true)}>
              Label
            </button>
          )}
          {can("run.startrun") && (
            <Link to={path("/runs/new", { target })} class="button primary">
              Run here
            </Link>
          )}
        </>
      }
      command={command("hosts", target, ["--by", by])}
    >
      <Form
        class="filters"
        label="Select hosts"
        onSubmit={() => {
          setTyped(undefined);
          go(path(here, { target: typed ?? target, by }));
        }}
      >
        <Field class="grow" label="Target" value={typed ?? target} onChange={setTyped} placeholder="env=prod and os=linux" />
        <Field
          label="Count by"
          value={by}
          onChange={(value) => go(path(here, { target, by: value }))}
          options={[["", "nothing"], ["os", "system"], ["agent", "agent version"], ["status", "status"], ["env", "label env"], ["role", "label role"], ["idc", "idc"]]}
        />
        <div class="buttons">
          <button type="submit">Find</button>
          {target !== "all" && <Link to={here}>All hosts</Link>}
        </div>
      </Form>
      <Loading of={found} />
      {found.data && (
        <>
          <p class="lead">
            <b>{hostsText(found.data.count)}</b>
            {found.data.undecided !== "0" && (
              <span class="warn">
                {hostsText(found.data.undecided)} undecided: without {found.data.undecided_by.map(printable).join(", ")}
              </span>
            )}
          </p>
          <Problem error={counts.error} />
          {counts.data && <CountTable counts={counts.data} by={by} target={target} />}
          <HostTable hosts={found.data.agents} />
          <Pager next={found.data.next} />
        </>
      )}
      {isLabelling && found.data && <Label target={target} found={found.data} onClose={() => setLabelling(false)} onDone={found.reload} />}
    </Page>
  );
}

function CountTable(props: { counts: Counts; by: string; target: string }): JSX.Element {
  return (
    <Section title={`By ${props.by}`} class="narrow">
      <Table
        label={`Hosts by ${props.by}`}
        rows={props.counts.counts}
        id={(row) => row.value}
        columns={[
          {
            head: props.by,
            cell: (row) =>
              row.value === "" ? (
                <span class="dim">(none)</span>
              ) : (
                <Link to={path("/hosts", { target: narrowed(props.target, props.by, row.value) })}>{printable(row.value)}</Link>
              ),
          },
          { head: "Online", class: "number", cell: (row) => Number(row.online).toLocaleString("en") },
          { head: "Offline", class: "number", cell: (row) => Number(row.offline).toLocaleString("en") },
        ]}
      />
    </Section>
  );
}

/** The target, and one value of a field. */
function narrowed(target: string, field: string, value: string): string {
  const test = `${field}=${/^[A-Za-z0-9_.-]+$/.test(value) ? value : JSON.stringify(value)}`;
  return target === "all" ? test : `(${target}) and ${test}`;
}

export function HostTable(props: { hosts: Agent[] }): JSX.Element {
  return (
    <Table
      label="Hosts"
      rows={props.hosts}
      id={(host) => host.agentip}
      empty="The target selects no host."
      columns={[
        { head: "Status", cell: (host) => <State is={host.status} /> },
        { head: "Host", cell: (host) => <Link to={hostPath(host.agentip)}>{host.agentip}</Link> },
        { head: "Asset", cell: (host) => shortened(host.asset, 40) },
        { head: "System", cell: (host) => shortened(host.os, 20) },
        { head: "Agent", cell: (host) => shortened(host.version, 20) },
        { head: "Labels", class: "wide", cell: (host) => <Tags of={host.labels} /> },
        { head: "Last heard", cell: (host) => <Time at={host.last_hb_time} short /> },
      ]}
    />
  );
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const word of text.split(/[\s,]+/).filter((each) => each !== "")) {
    const at = word.indexOf("=");
    if (at < 1 || at === word.length - 1) throw new CallError("", `"${word}" is not a label: expected KEY=VALUE.`);
    labels[word.slice(0, at)] = word.slice(at + 1);
  }
  return labels;
}

export function Label(props: { target: string; found: FoundAgents; onClose: () => void; onDone: () => void }): JSX.Element {
  const [labels, setLabels] = useState("");
  const [unset, setUnset] = useState("");
  const action = useAction();
  const submit = (): void =>
    action.run(async () => {
      const keys = unset.split(/[\s,]+/).filter((each) => each !== "");
      await call("fleet.setlabels", {
        target: props.target,
        labels: parseLabels(labels),
        unset: keys.length > 0 ? keys : undefined,
        digest: props.found.digest,
      });
      props.onClose();
      props.onDone();
    });
  return (
    <Dialog title={`Label ${hostsText(props.found.count)}`} onClose={props.onClose}>
      <Form onSubmit={submit}>
        <p>
          Those that <code>{printable(props.target)}</code> selects now. Other hosts are refused.
        </p>
        <Field label="Set" value={labels} onChange={setLabels} placeholder="env=prod role=web" autofocus />
        <Field label="Take away" value={unset} onChange={setUnset} placeholder="canary" help="Keys." />
        <Problem error={action.error} />
        <Buttons act={`Label ${hostsText(props.found.count)}`} isBusy={action.isBusy} isDisabled={labels.trim() === "" && unset.trim() === ""} onCancel={props.onClose} />
      </Form>
    </Dialog>
  );
}
