// What pages are made of: states, times, tables, forms, dialogs, and the command of the page.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { CallError } from "./api";
import { printable } from "./printable";
import { FILLED, lookOf, SHAPES, type Shape } from "./states";
import { Link, go, path, usePlace } from "./router";
import { localTime, relative } from "./time";

export function Icon(props: { shape: Shape }): JSX.Element {
  return (
    <svg class={FILLED.has(props.shape) ? "icon filled" : "icon"} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" focusable="false">
      <path d={SHAPES[props.shape]} />
    </svg>
  );
}

/** A state by shape, word and colour. */
export function State(props: { is: string; word?: string }): JSX.Element {
  const look = lookOf(props.is);
  return (
    <span class={`state ${look.tone}`}>
      <Icon shape={look.shape} />
      {printable(props.word ?? props.is).replaceAll("_", " ")}
    </span>
  );
}

/** A time of day of the server, with this browser's on hover. */
export function Time(props: { at: string | undefined; short?: boolean }): JSX.Element {
  if (!props.at) return <span class="dim">–</span>;
  const today = props.short && relative(props.at) !== "";
  return (
    <time title={`${props.at} at the server; ${localTime(props.at)}`}>{today ? relative(props.at) : props.at}</time>
  );
}

export function Page(props: { title: string; children: ComponentChildren; actions?: ComponentChildren; command?: string; lead?: ComponentChildren }): JSX.Element {
  useEffect(() => {
    document.title = `${props.title} · Elves`;
  }, [props.title]);
  return (
    <main id="main" tabIndex={-1}>
      <div class="page-head">
        <div>
          <h1>{props.title}</h1>
          {props.lead}
        </div>
        {props.actions && <div class="actions">{props.actions}</div>}
      </div>
      {props.children}
      {props.command && <Command text={props.command} />}
    </main>
  );
}

export function Section(props: { title: string; children: ComponentChildren; aside?: ComponentChildren; class?: string }): JSX.Element {
  const id = useId();
  return (
    <section aria-labelledby={id} class={props.class}>
      <div class="section-head">
        <h2 id={id}>{props.title}</h2>
        {props.aside}
      </div>
      {props.children}
    </section>
  );
}

/** What the page shows, as a command for a terminal. */
export function Command(props: { text: string }): JSX.Element {
  const code = useRef<HTMLElement>(null);
  const [isCopied, setCopied] = useState(false);
  const copy = (): void => {
    const select = (): void => {
      if (code.current) getSelection()?.selectAllChildren(code.current);
    };
    if (!navigator.clipboard) {
      select();
      return;
    }
    navigator.clipboard.writeText(props.text).then(() => {
      setCopied(true);
      window.setTimeout(() => setCopied(false), 1_500);
    }, select);
  };
  return (
    <aside class="command" aria-label="As a command">
      <span class="dim">As a command</span>
      <code ref={code} tabIndex={0} role="textbox" aria-readonly="true" aria-label="elvesctl command">
        {printable(props.text)}
      </code>
      <button type="button" class="small" onClick={copy}>
        {isCopied ? "Copied" : "Copy"}
      </button>
    </aside>
  );
}

export function Problem(props: { error: CallError | undefined }): JSX.Element | null {
  if (!props.error) return null;
  return (
    <p class="problem" role="alert">
      <Icon shape="cross" />
      <span>
        {printable(props.error.message)} {props.error.code !== "" && <span class="code">{printable(props.error.code)}</span>}
      </span>
    </p>
  );
}

export function Loading(props: { of: { data: unknown; error: CallError | undefined } }): JSX.Element | null {
  if (props.of.error) return <Problem error={props.of.error} />;
  return props.of.data === undefined ? <p class="dim loading">Reading…</p> : null;
}

export function Empty(props: { children: ComponentChildren }): JSX.Element {
  return <p class="empty">{props.children}</p>;
}

export interface Column<Row> {
  head: string;
  cell: (row: Row) => ComponentChildren;
  class?: string;
}

/** A table whose rows a phone shows as blocks. */
export function Table<Row>(props: { label: string; rows: Row[]; columns: Column<Row>[]; id: (row: Row) => string; empty?: string }): JSX.Element {
  if (props.rows.length === 0) return <Empty>{props.empty ?? "Nothing."}</Empty>;
  return (
    <div class="table" role="region" aria-label={props.label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {props.columns.map((column) => (
              <th key={column.head} scope="col" class={column.class}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.id(row)}>
              {props.columns.map((column) => (
                <td key={column.head} class={column.class} data-head={column.head}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Name and value pairs; those without a value are left out. */
export function Facts(props: { of: [name: string, value: ComponentChildren][] }): JSX.Element {
  return (
    <dl class="facts">
      {props.of
        .filter(([, value]) => value !== "" && value !== undefined && value !== null)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** Steps through keyset pages. The way back is the browser's; "newest" is the first page. */
export function Pager(props: { next: string | undefined }): JSX.Element | null {
  const place = usePlace();
  const to = (after: string | undefined): string => {
    const query = new URLSearchParams(place.query);
    query.delete("after");
    if (after !== undefined) query.set("after", after);
    const text = query.toString();
    return text === "" ? place.path : `${place.path}?${text}`;
  };
  const isFirst = !place.query.has("after");
  if (isFirst && props.next === undefined) return null;
  return (
    <nav class="pager" aria-label="Pages">
      {!isFirst && <Link to={to(undefined)}>First page</Link>}
      {props.next !== undefined && <Link to={to(props.next)}>Next page</Link>}
    </nav>
  );
}

export interface FieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  help?: string | undefined;
  placeholder?: string;
  isSecret?: boolean;
  required?: boolean;
  list?: string[];
  rows?: number;
  options?: (string | [value: string, word: string])[];
  class?: string;
  autofocus?: boolean;
  autocomplete?: string;
  name?: string;
}

/** A labelled text, number, choice or longer text. */
export function Field(props: FieldProps): JSX.Element {
  const id = useId();
  const shared = {
    id,
    name: props.name ?? props.label,
    value: props.value,
    required: props.required ?? false,
    "aria-describedby": props.help ? `${id}-help` : undefined,
  };
  const change = (event: { currentTarget: { value: string } }): void => props.onChange(event.currentTarget.value);
  const control = props.options ? (
    <select {...shared} onChange={change}>
      {props.options.map((option) => {
        const [value, word] = typeof option === "string" ? [option, option] : option;
        return (
          <option key={value} value={value}>
            {word}
          </option>
        );
      })}
    </select>
  ) : props.rows ? (
    <textarea {...shared} rows={props.rows} spellcheck={false} placeholder={props.placeholder ?? ""} onInput={change} />
  ) : props.isSecret ? (
    // A one-time code is what a browser does not offer to save.
    <input {...shared} type="password" autocomplete="one-time-code" onInput={change} />
  ) : (
    <input
      {...shared}
      type="text"
      autocomplete={props.autocomplete ?? "off"}
      spellcheck={false}
      placeholder={props.placeholder ?? ""}
      list={props.list ? `${id}-list` : undefined}
      autofocus={props.autofocus ?? false}
      onInput={change}
    />
  );
  return (
    <div class={props.class ? `field ${props.class}` : "field"}>
      <label for={id}>{props.label}</label>
      {control}
      {props.list && (
        <datalist id={`${id}-list`}>
          {props.list.map((value) => (
            <option key={value} value={value} />
          ))}
        </datalist>
      )}
      {props.help && (
        <small id={`${id}-help`} class="dim">
          {props.help}
        </small>
      )}
    </div>
  );
}

export function Check(props: { label: string; value: boolean; onChange: (value: boolean) => void; help?: string }): JSX.Element {
  const id = useId();
  return (
    <div class="field check">
      <input id={id} type="checkbox" checked={props.value} onChange={(event) => props.onChange(event.currentTarget.checked)} />
      <label for={id}>{props.label}</label>
      {props.help && <small class="dim">{props.help}</small>}
    </div>
  );
}

/** A modal dialog: Escape closes it, and the focus goes back to where it was. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onCancel={props.onClose} onClose={props.onClose}>
      <h2 id={id}>{props.title}</h2>
      {props.children}
    </dialog>
  );
}

/** The buttons of a dialog or form: one that acts, and one that leaves. A busy one keeps the focus. */
export function Buttons(props: { act: string; isBusy?: boolean; isDisabled?: boolean; isDangerous?: boolean; onCancel?: () => void }): JSX.Element {
  return (
    <div class="buttons">
      <button type="submit" class={props.isDangerous ? "danger" : "primary"} disabled={props.isDisabled ?? false} aria-busy={props.isBusy ?? false}>
        {props.isBusy ? "Working…" : props.act}
      </button>
      {props.onCancel && (
        <button type="button" onClick={props.onCancel}>
          Cancel
        </button>
      )}
    </div>
  );
}

/** A form that stays on its page. */
export function Form(props: { onSubmit: () => void; children: ComponentChildren; class?: string; label?: string }): JSX.Element {
  return (
    <form
      class={props.class}
      aria-label={props.label}
      onSubmit={(event) => {
        event.preventDefault();
        props.onSubmit();
      }}
    >
      {props.children}
    </form>
  );
}

/** Fields that filter a list, saved in the URL. */
export function Filters(props: { of: (Omit<FieldProps, "value" | "onChange"> & { key: string })[]; label: string }): JSX.Element {
  const place = usePlace();
  const [values, setValues] = useState<Record<string, string>>({});
  useEffect(() => setValues({}), [place.query.toString()]);
  const valueOf = (key: string): string => values[key] ?? place.query.get(key) ?? "";
  const apply = (changed: Record<string, string> = {}): void => {
    const query = Object.fromEntries(props.of.map(({ key }) => [key, changed[key] ?? valueOf(key)]));
    go(path(place.path, query));
  };
  const isFiltered = props.of.some(({ key }) => place.query.has(key));
  return (
    <Form class="filters" label={props.label} onSubmit={() => apply()}>
      {props.of.map(({ key, ...field }) => (
        <Field
          key={key}
          {...field}
          name={key}
          value={valueOf(key)}
          onChange={(value) => {
            setValues({ ...values, [key]: value });
            if (field.options) apply({ [key]: value });
          }}
        />
      ))}
      <div class="buttons">
        <button type="submit">Find</button>
        {isFiltered && <Link to={place.path}>Clear</Link>}
      </div>
    </Form>
  );
}

/** Labels as `key=value`; those without a value as `key`. */
export function Tags(props: { of: Record<string, string> | undefined }): JSX.Element {
  return (
    <span class="tags">
      {Object.entries(props.of ?? {}).map(([key, value]) => (
        <span key={key} class="tag">
          {printable(value === "" ? key : `${key}=${value}`)}
        </span>
      ))}
    </span>
  );
}
