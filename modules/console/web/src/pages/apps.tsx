import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call } from "../api";
import { Confirm, Editor } from "../editor";
import { useLive } from "../live";
import { printable } from "../printable";
import { Link, path, usePlace } from "../router";
import { useCan } from "../session";
import { Loading, Page, Pager, Table } from "../ui";

interface App {
  appname: string;
  appip: string;
  appport: string;
}

export function AppsPage(): JSX.Element {
  const can = useCan();
  const after = usePlace().query.get("after") ?? undefined;
  const [edited, setEdited] = useState<Partial<App>>();
  const [deleted, setDeleted] = useState<App>();
  const apps = useLive<{ apps: App[]; next?: string }>(`apps ${after}`, [], (reading) => reading.call("supervisor.listapps", { after, limit: 100 }));
  return (
    <Page
      title="Apps"
      lead={<p class="lead dim">Where the processors of apps listen: to them go the results of tasks of mode P.</p>}
      actions={
        can("supervisor.setapp") && (
          <button type="button" class="primary" onClick={() => setEdited({})}>
            New processor
          </button>
        )
      }
      command="elvesctl app list"
    >
      <Loading of={apps} />
      {apps.data && (
        <>
          <Table
            label="Processors of apps"
            rows={apps.data.apps}
            id={(app) => app.appname}
            empty="No app has a processor."
            columns={[
              { head: "App", cell: (app) => <Link to={path("/tasks", { app: app.appname })}>{printable(app.appname)}</Link> },
              { head: "Address", cell: (app) => `${app.appip}:${app.appport}` },
              {
                head: "Do",
                cell: (app) =>
                  can("supervisor.setapp") && (
                    <span class="buttons">
                      <button type="button" class="small" onClick={() => setEdited(app)} aria-label={`Change ${app.appname}`}>
                        Change
                      </button>
                      <button type="button" class="small" onClick={() => setDeleted(app)} aria-label={`Delete ${app.appname}`}>
                        Delete
                      </button>
                    </span>
                  ),
              },
            ]}
          />
          <Pager next={apps.data.next} />
        </>
      )}
      {edited && (
        <Editor
          title={edited.appname ? `Processor of ${edited.appname}` : "New processor"}
          act="Save"
          fields={[
            ...(edited.appname ? [] : [{ key: "appname", label: "App", required: true }]),
            { key: "appip", label: "Address", required: true },
            { key: "appport", label: "Port", required: true },
          ]}
          initial={{ appname: edited.appname ?? "", appip: edited.appip ?? "", appport: edited.appport ?? "" }}
          onClose={() => setEdited(undefined)}
          save={async (values) => {
            await call("supervisor.setapp", values);
            setEdited(undefined);
            apps.reload();
          }}
        />
      )}
      {deleted && (
        <Confirm
          title={`Delete the processor of ${deleted.appname}`}
          act="Delete"
          onClose={() => setDeleted(undefined)}
          run={async () => {
            await call("supervisor.delapp", { appname: deleted.appname });
            setDeleted(undefined);
            apps.reload();
          }}
        >
          <p>Tasks of mode P for this app are refused from then on.</p>
        </Confirm>
      )}
    </Page>
  );
}
