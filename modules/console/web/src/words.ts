// Sentences about what the server says in one word.

const PAUSED: Record<string, string> = {
  max_fail: "more hosts failed than max_fail allows",
  wave: "a wave is over, and the next one waits for you",
  person: "somebody paused it",
  key: "the key that started it may not do that any more",
};

export const whyPaused = (why: string): string => PAUSED[why] ?? why;

const RUN_STATES: Record<string, string> = {
  pending: "It has not begun.",
  running: "It goes on.",
  done: "Every host is done.",
  partial: "It went to its end, and not every host is done.",
  stopped: "It was stopped: nothing more starts.",
  canceled: "It was canceled.",
  expired: "Its time passed before it could begin.",
  skipped: "Nothing ran.",
};

export function aboutRun(state: string, why: string): string {
  if (state === "paused") return `Paused: ${whyPaused(why)}.`;
  const words = RUN_STATES[state] ?? "";
  return state === "skipped" && why !== "" ? `Nothing ran: ${why}.` : words;
}

/** `1 host`, `2 hosts`. */
export const hosts = (count: number | string): string => (Number(count) === 1 ? "1 host" : `${Number(count).toLocaleString("en")} hosts`);
