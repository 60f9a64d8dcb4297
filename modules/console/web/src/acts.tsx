// What can be done with a job or a schedule: a button for each, and a question before it is done.
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { call, type Fields } from "./api";
import { Confirm } from "./editor";
import { printableLines } from "./printable";
import { useCan } from "./session";

export interface Act {
  method: string;
  word: string;
  about: string;
  isDangerous?: boolean;
  isMain?: boolean;
  /** When it is done. */
  then: (reply: { id?: string }) => void;
}

export function Acts(props: { of: Act[]; fields: Fields; children?: ComponentChildren }): JSX.Element {
  const can = useCan();
  const [asked, setAsked] = useState<Act>();
  return (
    <>
      {props.children}
      {props.of
        .filter((act) => can(act.method))
        .map((act) => (
          <button key={act.method} type="button" class={act.isDangerous ? "danger" : act.isMain ? "primary" : undefined} onClick={() => setAsked(act)}>
            {act.word}
          </button>
        ))}
      {asked && (
        <Confirm
          title={asked.word}
          act={asked.word}
          isSafe={!asked.isDangerous}
          onClose={() => setAsked(undefined)}
          run={async () => {
            const reply = await call<{ id?: string }>(asked.method, props.fields);
            setAsked(undefined);
            asked.then(reply);
          }}
        >
          <p>{asked.about}</p>
        </Confirm>
      )}
    </>
  );
}

/** The text that the function is given, on request. */
export function Param(props: { text: string | undefined }): JSX.Element | null {
  if ((props.text ?? "") === "") return null;
  return (
    <details>
      <summary>Param</summary>
      <pre class="param">{printableLines(props.text ?? "")}</pre>
    </details>
  );
}
