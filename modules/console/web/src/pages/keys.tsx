import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call } from "../api";
import { Confirm, Editor, listOf, type Spec, type Values } from "../editor";
import { useLive } from "../live";
import { printable, shortened } from "../printable";
import { usePlace } from "../router";
import { useCan } from "../session";
import { momentOf } from "../time";
import type { Key } from "../types";
import { Check, Loading, Page, Pager, State, Table, Time } from "../ui";

interface Made {
  key: string;
  token?: string;
  warning?: string;
}

const QUOTAS: [name: string, label: string][] = [
  ["waiting_tasks", "Unfinished tasks"],
  ["waiting_bytes", "Bytes of those"],
  ["workers", "Workers of one agent"],
  ["cron_jobs", "Cron jobs"],
  ["bytes_per_day", "Bytes a day"],
];

const FIELDS: Spec[] = [
  { key: "name", label: "Whose it is", required: true },
  { key: "role", label: "Role", options: [["viewer", "viewer: reads"], ["operator", "operator: reads, runs, cancels"], ["agent", "agent: registers, reports"], ["admin", "admin: everything"]] },
  { key: "apps", label: "Apps", help: "nginx, nginx.reload, nginx.re*, with commas, or *." },
  { key: "iplist", label: "Addresses", help: "Addresses and ranges, with commas, or *." },
  { key: "expires", label: "Expires", placeholder: "never", help: "YYYY-MM-DD HH:MM:SS" },
  { key: "run_hosts", label: "Hosts of one run", placeholder: "unlimited" },
  { key: "files", label: "May name files of apps", options: [["false", "no"], ["true", "yes"]] },
  { key: "enabled", label: "Enabled", options: [["true", "yes"], ["false", "no: it is refused"]] },
  ...QUOTAS.map(([name, label]) => ({ key: name, label: `Quota: ${label.toLowerCase()}`, placeholder: "default" })),
];

const valuesOf = (key: Partial<Key>): Values => ({
  name: key.name ?? "",
  role: key.role ?? "viewer",
  apps: key.apps?.join(", ") ?? "",
  iplist: key.iplist?.join(", ") ?? "",
  expires: key.expires ?? "",
  run_hosts: key.run_hosts ?? "",
  files: key.files ?? "false",
  enabled: key.enabled ?? "true",
  ...Object.fromEntries(QUOTAS.map(([name]) => [name, key.quota?.[name] ?? ""])),
});

/** Only what differs is sent: the server keeps the rest as it is. */
function changesOf(before: Values, after: Values): Record<string, unknown> {
  const changed = Object.fromEntries(Object.entries(after).filter(([name, value]) => value !== before[name]));
  const quota = Object.fromEntries(QUOTAS.map(([name]) => [name, changed[name]]).filter(([, value]) => value !== undefined));
  const has = (name: string): boolean => changed[name] !== undefined;
  return {
    name: changed.name,
    role: changed.role,
    apps: has("apps") ? (listOf(changed.apps) ?? []) : undefined,
    iplist: has("iplist") ? (listOf(changed.iplist) ?? []) : undefined,
    expires: has("expires") ? changed.expires || "never" : undefined,
    run_hosts: has("run_hosts") ? changed.run_hosts || "unlimited" : undefined,
    files: has("files") ? changed.files === "true" : undefined,
    enabled: has("enabled") ? changed.enabled === "true" : undefined,
    quota: Object.keys(quota).length > 0 ? quota : undefined,
  };
}

function stateOf(key: Key): string {
  if (key.enabled !== "true") return "disabled";
  const end = key.expires ? momentOf(key.expires) : undefined;
  return end !== undefined && end < Date.now() ? "expired" : "on";
}

export function KeysPage(): JSX.Element {
  const can = useCan();
  const after = usePlace().query.get("after") ?? undefined;
  const [edited, setEdited] = useState<Partial<Key>>();
  const [rotated, setRotated] = useState<Key>();
  const [deleted, setDeleted] = useState<Key>();
  const [isCanceling, setCanceling] = useState(false);
  const [made, setMade] = useState<Made>();
  const keys = useLive<{ keys: Key[]; next?: string }>(`keys ${after}`, [], (reading) => reading.call("supervisor.listkeys", { after, limit: 100 }));
  return (
    <Page
      title="Keys"
      actions={
        can("supervisor.setkey") && (
          <button type="button" class="primary" onClick={() => setEdited({})}>
            New key
          </button>
        )
      }
      command="elvesctl key list"
    >
      {made && (
        <div class="notice" role="status">
          {made.token && (
            <>
              <p>
                The token of key <span class="id">{made.key}</span>, shown this once:
              </p>
              <pre class="secret">{made.token}</pre>
            </>
          )}
          {made.warning && <p class="warn">{printable(made.warning)}</p>}
          <button type="button" class="small" onClick={() => setMade(undefined)}>
            I have it
          </button>
        </div>
      )}
      <Loading of={keys} />
      {keys.data && (
        <>
          <Table
            label="Keys"
            rows={keys.data.keys}
            id={(key) => key.key}
            empty="No key."
            columns={[
              { head: "State", cell: (key) => <State is={stateOf(key)} /> },
              {
                head: "Name",
                cell: (key) => (
                  <>
                    <b>{shortened(key.name, 30)}</b>
                    <br />
                    <span class="id dim">{key.key}</span>
                  </>
                ),
              },
              { head: "Role", cell: (key) => key.role },
              { head: "Apps", class: "wide", cell: (key) => shortened(key.apps.join(", ") || "none", 40) },
              { head: "Addresses", class: "wide", cell: (key) => shortened(key.iplist.join(", ") || "none", 40) },
              { head: "Last use", cell: (key) => (key.used_time ? <><Time at={key.used_time} short /><br /><span class="dim">from {printable(key.used_from ?? "")}</span></> : <span class="dim">never</span>) },
              { head: "Expires", cell: (key) => (key.expires ? <Time at={key.expires} short /> : <span class="dim">never</span>) },
              { head: "Holds", cell: (key) => <span class="dim">{key.usage.waiting_tasks ?? 0} tasks<br />{key.usage.cron_jobs ?? 0} jobs</span> },
              {
                head: "Do",
                cell: (key) =>
                  can("supervisor.setkey") && (
                    <span class="buttons">
                      <button type="button" class="small" onClick={() => setEdited(key)} aria-label={`Change ${key.name}`}>
                        Change
                      </button>
                      <button type="button" class="small" onClick={() => setRotated(key)} aria-label={`New token for ${key.name}`}>
                        Token
                      </button>
                      <button type="button" class="small" onClick={() => setDeleted(key)} aria-label={`Delete ${key.name}`}>
                        Delete
                      </button>
                    </span>
                  ),
              },
            ]}
          />
          <Pager next={keys.data.next} />
        </>
      )}
      {edited && (
        <Editor
          title={edited.key ? `Change ${edited.name}` : "New key"}
          act={edited.key ? "Save" : "Make the key"}
          fields={FIELDS}
          initial={valuesOf(edited)}
          onClose={() => setEdited(undefined)}
          save={async (values) => {
            const fields = edited.key ? changesOf(valuesOf(edited), values) : { ...changesOf({}, values), expires: values.expires, run_hosts: values.run_hosts, quota: quotaOf(values) };
            const reply = await call<Made>("supervisor.setkey", { key: edited.key, ...fields });
            if (reply.token || reply.warning) setMade(reply);
            setEdited(undefined);
            keys.reload();
          }}
        />
      )}
      {rotated && (
        <Editor
          title={`New token for ${rotated.name}`}
          act="Make the token"
          fields={[{ key: "overlap", label: "The token before counts for", placeholder: "86400 s" }]}
          initial={{}}
          onClose={() => setRotated(undefined)}
          save={async ({ overlap }) => {
            setMade(await call<Made>("supervisor.setkey", { key: rotated.key, rotate: true, overlap }));
            setRotated(undefined);
            keys.reload();
          }}
        />
      )}
      {deleted && (
        <Confirm
          title={`Delete ${deleted.name}`}
          act="Delete"
          onClose={() => setDeleted(undefined)}
          run={async () => {
            const reply = await call<Made>("supervisor.delkey", { key: deleted.key, cancel: isCanceling ? true : undefined });
            if (reply.warning) setMade({ key: deleted.key, warning: reply.warning });
            setDeleted(undefined);
            keys.reload();
          }}
        >
          <p>It is refused at once, on open connections, too.</p>
          <Check label={`Also cancel its ${deleted.usage.waiting_tasks ?? 0} unfinished tasks and pause its ${deleted.usage.cron_jobs ?? 0} cron jobs`} value={isCanceling} onChange={setCanceling} />
        </Confirm>
      )}
    </Page>
  );
}

function quotaOf(values: Values): Record<string, string> | undefined {
  const given = Object.fromEntries(QUOTAS.map(([name]) => [name, values[name] ?? ""]).filter(([, value]) => value !== ""));
  return Object.keys(given).length > 0 ? given : undefined;
}
