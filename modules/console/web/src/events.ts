// The stream of changes of GET /events, for the topics of the page that is shown.
//
// A page that is not visible has no stream: a browser grants a server six connections for all its tabs.
import { isSignedIn } from "./api";

export type StreamState = { is: "live" } | { is: "connecting" } | { is: "stale"; since: number } | { is: "none"; since: number };

interface Watch {
  topics: string[];
  since: () => number;
  onChange: () => void;
}

const SILENCE_MS = 35_000; // the server says `here` each 15 s
const RETRY_MS = 3_000;

let source: EventSource | undefined;
let watch: Watch | undefined;
let lastHeard = Date.now();
let retryTimer: number | undefined;
let state: StreamState = { is: "none", since: Date.now() };
const listeners = new Set<(state: StreamState) => void>();

function setState(next: StreamState): void {
  if (next.is === state.is) return;
  state = next;
  for (const listener of listeners) listener(next);
}

/** Calls `listener` with each new state of the stream; returns what ends that. */
export function onStreamState(listener: (state: StreamState) => void): () => void {
  listeners.add(listener);
  listener(state);
  return () => listeners.delete(listener);
}

function close(): void {
  window.clearTimeout(retryTimer);
  source?.close();
  source = undefined;
}

function heard(current: Watch): void {
  lastHeard = Date.now();
  const wasStale = state.is === "stale";
  setState({ is: "live" });
  if (wasStale) current.onChange();
}

function lost(): void {
  if (state.is !== "stale") setState({ is: "stale", since: lastHeard });
  // A refusal closes an EventSource for good, and does not say why; this one asks and tries again.
  close();
  if (watch) retryTimer = window.setTimeout(() => void retry(), RETRY_MS);
}

async function retry(): Promise<void> {
  try {
    if (await isSignedIn()) open();
  } catch {
    if (watch) retryTimer = window.setTimeout(() => void retry(), RETRY_MS);
  }
}

function open(): void {
  const current = watch;
  if (!current || document.visibilityState === "hidden") return;
  close();
  const query = new URLSearchParams([["since", String(current.since())]]);
  for (const topic of current.topics) query.append("topic", topic);
  const opened = new EventSource(`/events?${query.toString()}`);
  source = opened;
  const ours = (handler: () => void) => (): void => {
    if (source === opened) handler();
  };
  opened.addEventListener("here", ours(() => heard(current)));
  opened.addEventListener("change", ours(() => {
    heard(current);
    current.onChange();
  }));
  opened.addEventListener("gap", ours(() => {
    heard(current);
    current.onChange();
  }));
  opened.onerror = ours(lost);
}

/** Streams the changes of `topics` from `since` on, in place of what was streamed before. */
export function watchTopics(topics: string[], since: () => number, onChange: () => void): () => void {
  const mine: Watch = { topics, since, onChange };
  watch = mine;
  lastHeard = Date.now();
  if (state.is !== "stale") setState({ is: "connecting" });
  open();
  return () => {
    if (watch !== mine) return;
    watch = undefined;
    close();
    setState({ is: "none", since: Date.now() });
  };
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") {
    close();
    return;
  }
  if (!watch) return;
  watch.onChange();
  open();
});

window.setInterval(() => {
  if (source && Date.now() - lastHeard > SILENCE_MS) lost();
}, 5_000);
