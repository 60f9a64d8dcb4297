// The frame of every page: navigation, find, the state of the stream, and who is signed in.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { signOut } from "./api";
import { onStreamState, type StreamState } from "./events";
import { placeOf } from "./find";
import { Pages } from "./pages";
import { printable, shortened } from "./printable";
import { Link, go, usePlace } from "./router";
import { useCan, useSession } from "./session";
import { chooseTheme, theme, type Theme } from "./theme";
import { serverTime, zoneName } from "./time";
import { Icon } from "./ui";

const IDLE_MS = 30 * 60_000;

interface Entry {
  to: string;
  word: string;
  needs?: string;
}

const ENTRIES: Entry[][] = [
  [
    { to: "/", word: "Now" },
    { to: "/runs", word: "Runs", needs: "run.listruns" },
    { to: "/tasks", word: "Tasks", needs: "tasklog.listtasks" },
    { to: "/hosts", word: "Hosts", needs: "fleet.findagents" },
    { to: "/schedules", word: "Schedules", needs: "cron.listcrons" },
  ],
  [
    { to: "/groups", word: "Groups", needs: "fleet.listgroups" },
    { to: "/windows", word: "Windows", needs: "run.listwindows" },
    { to: "/caps", word: "Caps", needs: "run.listcaps" },
    { to: "/apps", word: "Apps", needs: "supervisor.listapps" },
  ],
  [
    { to: "/joins", word: "Joins", needs: "supervisor.listjoins" },
    { to: "/keys", word: "Keys", needs: "supervisor.listkeys" },
    { to: "/audit", word: "Audit", needs: "elves.listaudit" },
    { to: "/system", word: "System", needs: "elves.stats" },
  ],
];

function isHere(to: string, path: string): boolean {
  return to === "/" ? path === "/" : path === to || path.startsWith(`${to}/`);
}

function Navigation(props: { path: string }): JSX.Element {
  const can = useCan();
  return (
    <nav class="main-nav" aria-label="Pages">
      {ENTRIES.map((group, place) => (
        <ul key={place}>
          {group
            .filter(({ needs }) => needs === undefined || can(needs))
            .map(({ to, word }) => (
              <li key={to}>
                <Link to={to} current={isHere(to, props.path)}>
                  {word}
                </Link>
              </li>
            ))}
        </ul>
      ))}
    </nav>
  );
}

function Stream(): JSX.Element | null {
  const [state, setState] = useState<StreamState>({ is: "none", since: Date.now() });
  useEffect(() => onStreamState(setState), []);
  if (state.is === "none") return null;
  if (state.is === "live") {
    return (
      <span class="stream live" role="status" title="What this page shows is current.">
        <Icon shape="dot" /> live
      </span>
    );
  }
  if (state.is === "connecting") {
    return (
      <span class="stream" role="status">
        <Icon shape="ring" /> connecting
      </span>
    );
  }
  return (
    <span class="stream stale" role="status" title="The server does not answer. What is shown is as it was then.">
      <Icon shape="clock" /> stale since {serverTime(state.since).slice(11)}
    </span>
  );
}

function Find(): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement | null;
      const isTyping = target !== null && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      // A page with a find of its own, such as a task's output, takes the key first.
      const own = document.querySelector<HTMLInputElement>("input[data-find]");
      event.preventDefault();
      (own ?? input.current)?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return (
    <form
      class="find"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        const wanted = text.trim();
        if (wanted === "") return;
        void placeOf(wanted).then((to) => {
          setText("");
          input.current?.blur();
          go(to);
        });
      }}
    >
      <input
        ref={input}
        type="text"
        value={text}
        aria-label="Find a task, run, host or target"
        placeholder="Find an id, address or target   /"
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
    </form>
  );
}

function ThemeChoice(): JSX.Element {
  const [chosen, setChosen] = useState<Theme>(theme);
  return (
    <label class="theme">
      <span class="dim">Theme</span>
      <select
        value={chosen}
        onChange={(event) => {
          const next = event.currentTarget.value as Theme;
          chooseTheme(next);
          setChosen(next);
        }}
      >
        <option value="auto">system</option>
        <option value="light">light</option>
        <option value="dark">dark</option>
      </select>
    </label>
  );
}

/** Signs out where nobody touches the page: its own reading must not keep a session alive that a person has left. */
function useIdleEnd(leave: () => void): void {
  useEffect(() => {
    let last = Date.now();
    const touched = (): void => {
      last = Date.now();
    };
    const events = ["keydown", "pointerdown", "wheel", "touchstart"] as const;
    for (const name of events) document.addEventListener(name, touched, { passive: true });
    const timer = window.setInterval(() => {
      if (Date.now() - last > IDLE_MS) leave();
    }, 10_000);
    return () => {
      for (const name of events) document.removeEventListener(name, touched);
      window.clearInterval(timer);
    };
  }, []);
}

export function Shell(props: { onSignedOut: () => void }): JSX.Element {
  const session = useSession();
  const place = usePlace();
  const [isMenuOpen, setMenuOpen] = useState(false);
  useEffect(() => setMenuOpen(false), [place.path]);
  const leave = (): void => {
    void signOut().finally(props.onSignedOut);
  };
  useIdleEnd(leave);
  return (
    <div class={isMenuOpen ? "shell menu-open" : "shell"}>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <header>
        <button type="button" class="menu" aria-expanded={isMenuOpen} aria-controls="side" onClick={() => setMenuOpen(!isMenuOpen)}>
          Menu
        </button>
        <Link to="/" class="brand">
          <img src="/console/icon.svg" width="20" height="20" alt="" /> Elves
        </Link>
        <Find />
        <Stream />
      </header>
      <div id="side" class="side">
        <Navigation path={place.path} />
        <footer>
          <ThemeChoice />
          <p class="dim">
            version {printable(session.version)}
            <br />
            times in {zoneName() || "the server's zone"}
          </p>
          <p>
            <b title={session.key}>{shortened(session.name, 20)}</b> <span class="dim">{session.role}</span>
          </p>
          <button type="button" class="small" onClick={leave}>
            Sign out
          </button>
        </footer>
      </div>
      <Pages place={place} />
    </div>
  );
}
