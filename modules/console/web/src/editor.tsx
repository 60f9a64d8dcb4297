// A dialog that edits one record, and one that asks before a record is deleted.
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { useAction } from "./live";
import { Buttons, Dialog, Field, Form, Problem, type FieldProps } from "./ui";

export type Spec = Omit<FieldProps, "value" | "onChange"> & { key: string };
export type Values = Record<string, string>;

export function Editor(props: {
  title: string;
  fields: Spec[];
  initial: Values;
  act: string;
  save: (values: Values) => Promise<void>;
  onClose: () => void;
  children?: ComponentChildren;
}): JSX.Element {
  const [values, setValues] = useState<Values>(props.initial);
  const action = useAction();
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <Form onSubmit={() => action.run(() => props.save(values))}>
        {props.children}
        <div class="columns">
          {props.fields.map(({ key, ...field }, place) => (
            <Field key={key} {...field} name={key} value={values[key] ?? ""} onChange={(value) => setValues({ ...values, [key]: value })} autofocus={place === 0} />
          ))}
        </div>
        <Problem error={action.error} />
        <Buttons act={props.act} isBusy={action.isBusy} onCancel={props.onClose} />
      </Form>
    </Dialog>
  );
}

export function Confirm(props: { title: string; act: string; isSafe?: boolean; run: () => Promise<void>; onClose: () => void; children: ComponentChildren }): JSX.Element {
  const action = useAction();
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <Form onSubmit={() => action.run(props.run)}>
        {props.children}
        <Problem error={action.error} />
        <Buttons act={props.act} isBusy={action.isBusy} isDangerous={!props.isSafe} onCancel={props.onClose} />
      </Form>
    </Dialog>
  );
}

/** The words of a list that a person typed with commas or blanks; undefined for none. */
export function listOf(text: string | undefined): string[] | undefined {
  const words = (text ?? "").split(/[\s,]+/).filter((word) => word !== "");
  return words.length === 0 ? undefined : words;
}
