// A page of records that have names: groups, windows, caps. They are listed, set in a dialog, and deleted after a question.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, type Fields, type Reading } from "./api";
import { Confirm, Editor, type Spec, type Values } from "./editor";
import { LIST_PAUSE_MS, useLive } from "./live";
import { useCan } from "./session";
import { Loading, Page, Table, type Column } from "./ui";

export interface RecordKind<Row extends { name: string }> {
  title: string;
  /** What one of them is called. */
  word: string;
  lead: string;
  command: string;
  empty: string;
  topics: string[];
  list: (reading: Reading) => Promise<Row[]>;
  /** The methods that set and delete one. */
  set: string;
  erase: string;
  columns: Column<Row>[];
  /** Without the name, which only a new one can be given. */
  fields: Spec[];
  valuesOf: (row: Partial<Row>) => Values;
  fieldsOf: (values: Values) => Fields;
  /** What it means that one is deleted. */
  erased: string;
  /** The name as it is written where it is used. */
  called?: (name: string) => string;
}

export function RecordsPage<Row extends { name: string }>(props: { kind: RecordKind<Row> }): JSX.Element {
  const { kind } = props;
  const can = useCan();
  const [edited, setEdited] = useState<Partial<Row>>();
  const [deleted, setDeleted] = useState<Row>();
  const records = useLive<Row[]>(kind.title, kind.topics, kind.list, LIST_PAUSE_MS);
  const called = kind.called ?? ((name: string): string => name);
  const doing: Column<Row> = {
    head: "Do",
    cell: (row) =>
      can(kind.set) && (
        <span class="buttons">
          <button type="button" class="small" onClick={() => setEdited(row)} aria-label={`Change ${row.name}`}>
            Change
          </button>
          <button type="button" class="small" onClick={() => setDeleted(row)} aria-label={`Delete ${row.name}`}>
            Delete
          </button>
        </span>
      ),
  };
  return (
    <Page
      title={kind.title}
      lead={<p class="lead dim">{kind.lead}</p>}
      actions={
        can(kind.set) && (
          <button type="button" class="primary" onClick={() => setEdited({})}>
            New {kind.word}
          </button>
        )
      }
      command={kind.command}
    >
      <Loading of={records} />
      {records.data && <Table label={kind.title} rows={records.data} id={(row) => row.name} empty={kind.empty} columns={[...kind.columns, doing]} />}
      {edited && (
        <Editor
          title={edited.name ? `Change ${called(edited.name)}` : `New ${kind.word}`}
          act="Save"
          fields={[...(edited.name ? [] : [{ key: "name", label: "Name", required: true, help: "Of a-z, 0-9, _ . -" }]), ...kind.fields]}
          initial={{ name: edited.name ?? "", ...kind.valuesOf(edited) }}
          onClose={() => setEdited(undefined)}
          save={async (values) => {
            await call(kind.set, { name: values.name, ...kind.fieldsOf(values) });
            setEdited(undefined);
            records.reload();
          }}
        />
      )}
      {deleted && (
        <Confirm
          title={`Delete ${called(deleted.name)}`}
          act="Delete"
          onClose={() => setDeleted(undefined)}
          run={async () => {
            await call(kind.erase, { name: deleted.name });
            setDeleted(undefined);
            records.reload();
          }}
        >
          <p>{kind.erased}</p>
        </Confirm>
      )}
    </Page>
  );
}
