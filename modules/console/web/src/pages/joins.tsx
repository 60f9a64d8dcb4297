// Machines that ask to join. One is accepted after its fingerprint was compared: the console shows all but the last group,
// and the person types that from what the machine shows.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, CallError } from "../api";
import { Confirm, Editor } from "../editor";
import { LIST_PAUSE_MS, useAction, useLive } from "../live";
import { printable, shortened } from "../printable";
import { usePlace } from "../router";
import { useCan } from "../session";
import type { Join, JoinToken } from "../types";
import { Buttons, Check, Dialog, Facts, Field, Form, Loading, Page, Pager, Problem, Section, State, Table, Time } from "../ui";

interface Data {
  joins: Join[];
  next: string | undefined;
  tokens: JoinToken[];
}

const startOf = (fingerprint: string): string => fingerprint.slice(0, fingerprint.lastIndexOf("-") + 1);
const endOf = (fingerprint: string): string => fingerprint.slice(fingerprint.lastIndexOf("-") + 1);

export function JoinsPage(): JSX.Element {
  const can = useCan();
  const after = usePlace().query.get("after") ?? undefined;
  const [accepted, setAccepted] = useState<Join>();
  const [rejected, setRejected] = useState<Join>();
  const [isAdding, setAdding] = useState(false);
  const [deleted, setDeleted] = useState<JoinToken>();
  const [made, setMade] = useState<{ token: string; expires: string; pin?: string }>();
  const live = useLive<Data>(`joins ${after}`, ["now"], async (reading) => {
    const [joins, tokens] = await Promise.all([
      reading.call<{ joins: Join[]; next?: string }>("supervisor.listjoins", { after, limit: 100 }),
      can("supervisor.listjointokens") ? reading.call<{ tokens: JoinToken[] }>("supervisor.listjointokens") : { tokens: [] },
    ]);
    return { joins: joins.joins, next: joins.next, tokens: tokens.tokens };
  }, LIST_PAUSE_MS);
  return (
    <Page
      title="Joins"
      actions={
        can("supervisor.addjointoken") && (
          <button type="button" onClick={() => setAdding(true)}>
            New join token
          </button>
        )
      }
      command="elvesctl agents --pending"
    >
      <Loading of={live} />
      {made && (
        <div class="notice" role="status">
          <p>The join token, shown this once, until {made.expires}:</p>
          <pre class="secret">{made.token}</pre>
          <button type="button" class="small" onClick={() => setMade(undefined)}>
            I have it
          </button>
        </div>
      )}
      {live.data && (
        <>
          <Table
            label="Machines that ask to join"
            rows={live.data.joins}
            id={(join) => join.agentip + join.fingerprint}
            empty="No machine asks to join."
            columns={[
              { head: "State", cell: (join) => <State is={join.status} /> },
              { head: "Address", cell: (join) => join.agentip },
              { head: "Asset", cell: (join) => shortened(join.asset, 40) },
              { head: "Asks from", cell: (join) => printable(join.from) },
              { head: "Fingerprint begins", cell: (join) => <code>{startOf(printable(join.fingerprint))}…</code> },
              { head: "Since", cell: (join) => <Time at={join.first_time} /> },
              { head: "Last asked", cell: (join) => <Time at={join.last_time} short /> },
              {
                head: "Do",
                cell: (join) => (
                  <span class="buttons">
                    {can("supervisor.acceptjoin") && (
                      <button type="button" class="small" onClick={() => setAccepted(join)} aria-label={`Accept ${join.agentip}`}>
                        Accept
                      </button>
                    )}
                    {can("supervisor.rejectjoin") && join.status !== "rejected" && (
                      <button type="button" class="small" onClick={() => setRejected(join)} aria-label={`Reject ${join.agentip}`}>
                        Reject
                      </button>
                    )}
                  </span>
                ),
              },
            ]}
          />
          <Pager next={live.data.next} />
          <Section title="Join tokens">
            <Table
              label="Join tokens"
              rows={live.data.tokens}
              id={(token) => token.id}
              empty="No token: every machine waits for a person."
              columns={[
                { head: "Token", cell: (token) => printable(token.name) || <span class="id">{token.id}</span> },
                { head: "For", cell: (token) => (token.cidr === "" ? "one machine" : printable(token.cidr)) },
                { head: "Made", cell: (token) => <Time at={token.create_time} /> },
                { head: "Until", cell: (token) => <Time at={token.expires} /> },
                { head: "Used", cell: (token) => (token.used_time === "" ? "" : `${token.used_time} by ${printable(token.used_ip)}`) },
                {
                  head: "Do",
                  cell: (token) =>
                    can("supervisor.deljointoken") && (
                      <button type="button" class="small" onClick={() => setDeleted(token)} aria-label={`Delete ${token.name || token.id}`}>
                        Delete
                      </button>
                    ),
                },
              ]}
            />
          </Section>
        </>
      )}
      {accepted && <Accept join={accepted} onClose={() => setAccepted(undefined)} onDone={live.reload} />}
      {rejected && (
        <Confirm
          title={`Reject ${rejected.agentip}`}
          act="Reject"
          onClose={() => setRejected(undefined)}
          run={async () => {
            await call("supervisor.rejectjoin", { agentip: rejected.agentip, fingerprint: rejected.fingerprint });
            setRejected(undefined);
            live.reload();
          }}
        >
          <p>This machine is told so. It can be accepted later.</p>
        </Confirm>
      )}
      {isAdding && (
        <Editor
          title="New join token"
          act="Make the token"
          fields={[
            { key: "name", label: "What it is for" },
            { key: "cidr", label: "For all machines of", placeholder: "one machine", help: "A range such as 10.0.0.0/24." },
            { key: "lifetime", label: "Lifetime", placeholder: "86400 s" },
          ]}
          initial={{}}
          onClose={() => setAdding(false)}
          save={async (values) => {
            setMade(await call("supervisor.addjointoken", values));
            setAdding(false);
            live.reload();
          }}
        />
      )}
      {deleted && (
        <Confirm
          title="Delete the join token"
          act="Delete"
          onClose={() => setDeleted(undefined)}
          run={async () => {
            await call("supervisor.deljointoken", { id: deleted.id });
            setDeleted(undefined);
            live.reload();
          }}
        >
          <p>Machines that it admitted stay.</p>
        </Confirm>
      )}
    </Page>
  );
}

function Accept(props: { join: Join; onClose: () => void; onDone: () => void }): JSX.Element {
  const { join } = props;
  const [typed, setTyped] = useState("");
  const [isReplacing, setReplacing] = useState(false);
  const action = useAction();
  const end = endOf(join.fingerprint);
  const submit = (): void =>
    action.run(async () => {
      if (typed.trim().toLowerCase() !== end.toLowerCase()) throw new CallError("", "The fingerprint does not end so. This may be another machine: look again, or reject it.");
      await call("supervisor.acceptjoin", { agentip: join.agentip, fingerprint: join.fingerprint, replace: isReplacing ? true : undefined });
      props.onClose();
      props.onDone();
    });
  return (
    <Dialog title={`Accept ${join.agentip}`} onClose={props.onClose}>
      <Form onSubmit={submit}>
        <Facts
          of={[
            ["Asset, as it says", shortened(join.asset, 60)],
            ["Asks from", printable(join.from)],
            ["Fingerprint", <code>{startOf(printable(join.fingerprint))}????</code>],
          ]}
        />
        <p>The machine shows its fingerprint in its log. Where it begins as above, type its last four characters.</p>
        <Field label="The last four characters" name="fingerprint" value={typed} onChange={setTyped} required autofocus />
        {join.status === "conflict" && (
          <>
            <p class="warn">Another machine has this address.</p>
            <Check label="Withdraw its keys, cut its links, and take this one in its place" value={isReplacing} onChange={setReplacing} />
          </>
        )}
        <Problem error={action.error} />
        <Buttons act="Accept" isBusy={action.isBusy} isDisabled={typed.trim().length < end.length} onCancel={props.onClose} />
      </Form>
    </Dialog>
  );
}
