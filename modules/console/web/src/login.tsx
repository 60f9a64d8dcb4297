import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { signIn, type CallError, type Session } from "./api";
import { useAction } from "./live";
import { Buttons, Field, Form, Problem } from "./ui";

export function Login(props: { onSession: (session: Session) => void; error: CallError | undefined }): JSX.Element {
  const [key, setKey] = useState("");
  const [token, setToken] = useState("");
  const action = useAction();
  const submit = (): void =>
    action.run(async () => {
      const session = await signIn({ key: key.trim(), token: token.trim() });
      setToken("");
      props.onSession(session);
    });
  return (
    <main class="login" id="main">
      <h1>
        <img src="/console/icon.svg" width="28" height="28" alt="" /> Elves
      </h1>
      <Form label="Sign in" onSubmit={submit}>
        <Field label="Key" value={key} onChange={setKey} required autofocus autocomplete="username" placeholder="16 hex digits" />
        <Field label="Token" value={token} onChange={setToken} required isSecret help="This browser does not keep it." />
        <Problem error={action.error ?? props.error} />
        <Buttons act="Sign in" isBusy={action.isBusy} />
      </Form>
      <p class="dim">
        On the server's machine <code>elvesctl console</code> prints a link that signs you in, once.
      </p>
    </main>
  );
}
