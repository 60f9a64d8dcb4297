import type { JSX } from "preact";
import { useLive } from "../live";
import { printable, shortened } from "../printable";
import { Link, path } from "../router";
import { useCan } from "../session";
import { bytes, duration } from "../time";
import type { Finding, Stats } from "../types";
import { Facts, Icon, Loading, Page, Section, State, Table, Time } from "../ui";

interface Doctor {
  findings: Finding[];
  reports: string[];
  checked: string;
}

interface Versions {
  counts: { value: string; online: string; offline: string }[];
}

export function SystemPage(): JSX.Element {
  const can = useCan();
  const live = useLive<{ stats: Stats; versions: Versions }>("system", [], async (reading) => {
    const [{ stats }, versions] = await Promise.all([
      reading.call<{ stats: Stats }>("elves.stats"),
      reading.call<Versions>("fleet.counthosts", { target: "all", by: "agent" }),
    ]);
    return { stats, versions };
  });
  const doctor = useLive<Doctor | undefined>("doctor", [], async (reading) => (can("elves.doctor") ? reading.call<Doctor>("elves.doctor") : undefined));
  const { data } = live;
  return (
    <Page
      title="System"
      command={can("elves.doctor") ? "elvesctl doctor" : "elvesctl stat"}
      actions={
        <button
          type="button"
          onClick={() => {
            live.reload();
            doctor.reload();
          }}
        >
          Read again
        </button>
      }
    >
      <Loading of={live} />
      {can("elves.doctor") && (
        <Section title="Doctor" aside={doctor.data && <span class="dim">{doctor.data.checked} things were checked</span>}>
          <Loading of={doctor} />
          {doctor.data && doctor.data.findings.length === 0 && (
            <p class="all-well">
              <Icon shape="check" /> What is on disk is as it must be.
            </p>
          )}
          {doctor.data && (
            <>
              <ul class="rows">
                {doctor.data.findings.map((finding) => (
                  <li key={finding.check + finding.what}>
                    <State is="failed" word={finding.check} />
                    <span>
                      <span>{printable(finding.what)}</span>
                      <span class="dim">{printable(finding.advice)}</span>
                    </span>
                  </li>
                ))}
              </ul>
              <ul class="plain dim">
                {doctor.data.reports.map((line) => (
                  <li key={line}>{printable(line)}</li>
                ))}
              </ul>
            </>
          )}
        </Section>
      )}
      {data && (
        <>
          <Section title="Warnings">
            {data.stats.warnings.length === 0 ? (
              <p class="all-well">
                <Icon shape="check" /> None.
              </p>
            ) : (
              <ul class="rows">
                {data.stats.warnings.map((warning) => (
                  <li key={warning}>
                    <State is="partial" word="warning" />
                    <span>{printable(warning)}</span>
                  </li>
                ))}
              </ul>
            )}
          </Section>
          <div class="split">
            <Section title="Server">
              <Facts
                of={[
                  ["Version", printable(data.stats.version)],
                  ["Up for", duration(Number(data.stats.uptime) * 1_000)],
                  ["Listens on", data.stats.listen?.map(printable).join(", ")],
                  ["TLS", shortened(data.stats.tls, 24)],
                  ["Keys asked for", printable(data.stats.auth_mode)],
                  ["Time zone", printable(data.stats.timezone)],
                  ["Connections", Number(data.stats.connections).toLocaleString("en")],
                  ["Calls since its start", Number(data.stats.calls).toLocaleString("en")],
                ]}
              />
            </Section>
            <Section title="Store">
              <Facts
                of={[
                  ["Path", <code>{shortened(data.stats.store_path, 60)}</code>],
                  ["Data file", data.stats.store && bytes(Number(data.stats.store.file_bytes))],
                  ["Write-ahead log", data.stats.store && bytes(Number(data.stats.store.wal_bytes))],
                  ["Last backup", data.stats.store && (data.stats.store.last_backup ? <Time at={data.stats.store.last_backup} /> : <span class="warn">none that the server knows of</span>)],
                  ["Free on the disk", data.stats.store && bytes(Number(data.stats.store.free_bytes))],
                ]}
              />
            </Section>
          </div>
          <Section title="Versions of agents" class="narrow">
            <Table
              label="Versions of agents"
              rows={data.versions.counts}
              id={(row) => row.value}
              empty="No host."
              columns={[
                { head: "Version", cell: (row) => (row.value === "" ? <span class="dim">no agent</span> : <Link to={path("/hosts", { target: `agent=${row.value}` })}>{printable(row.value)}</Link>) },
                { head: "Online", class: "number", cell: (row) => row.online },
                { head: "Offline", class: "number", cell: (row) => row.offline },
              ]}
            />
          </Section>
        </>
      )}
    </Page>
  );
}
