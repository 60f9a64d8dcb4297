import { render, type JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { CallError, call, readSession, signIn, whenSignedOut, type Session } from "./api";
import { Login } from "./login";
import { SessionContext } from "./session";
import { Shell } from "./shell";
import { applyTheme } from "./theme";
import { setServerZone } from "./time";
import type { Stats } from "./types";
import { Problem } from "./ui";

/** The code of the link that `elvesctl console` prints; it is taken out of the address at once. */
function takeCode(): string | undefined {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code === null) return undefined;
  history.replaceState(null, "", location.pathname + location.search);
  return code;
}

async function begin(): Promise<Session | undefined> {
  const code = takeCode();
  return code === undefined ? readSession() : signIn({ code });
}

/** Learns the zone of the server's times before any of them is shown. */
async function withZone(session: Session): Promise<Session> {
  if (session.methods.includes("elves.stats")) {
    const { stats } = await call<{ stats: Stats }>("elves.stats");
    setServerZone(stats.timezone);
  }
  return session;
}

function App(): JSX.Element {
  const [session, setSession] = useState<Session>();
  const [isAsking, setAsking] = useState(true);
  const [error, setError] = useState<CallError>();

  const use = (found: Promise<Session | undefined>): void => {
    found
      .then(async (given) => setSession(given && (await withZone(given))))
      .catch((caught: unknown) => setError(caught instanceof CallError ? caught : new CallError("", String(caught))))
      .finally(() => setAsking(false));
  };
  useEffect(() => {
    whenSignedOut(() => setSession(undefined));
    use(begin());
  }, []);

  if (isAsking) return <p class="dim centre">Reading…</p>;
  if (!session) {
    return (
      <Login
        error={error}
        onSession={(given) => {
          setError(undefined);
          use(Promise.resolve(given));
        }}
      />
    );
  }
  return (
    <SessionContext.Provider value={session}>
      <Problem error={error} />
      <Shell onSignedOut={() => setSession(undefined)} />
    </SessionContext.Provider>
  );
}

applyTheme();
const root = document.getElementById("app");
if (root) render(<App />, root);
