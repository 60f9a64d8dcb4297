// When a host came and went over the last 30 days: a strip, its sum in words, and the last times it was away.
import type { JSX } from "preact";
import { momentOf, duration } from "./time";
import { Time } from "./ui";

export interface AgentHistory {
  since: string;
  before: string;
  changes: { time: string; status: string }[];
}

interface Stretch {
  from: number;
  to: number;
  status: string;
  /** As the server wrote it. */
  since: string;
}

const MOST_SHOWN = 10;

export function stretchesOf(history: AgentHistory, now: number): Stretch[] {
  const begin = momentOf(history.since);
  if (begin === undefined) return [];
  const found: Stretch[] = [{ from: begin, to: now, status: history.before, since: history.since }];
  for (const { time, status } of history.changes) {
    const at = momentOf(time);
    const last = found.at(-1);
    if (at === undefined || !last) continue;
    last.to = at;
    found.push({ from: at, to: now, status, since: time });
  }
  return found.filter(({ from, to }) => to > from);
}

function inWords(stretches: Stretch[]): string {
  const total = (status: string): number => stretches.filter((each) => each.status === status).reduce((sum, { from, to }) => sum + to - from, 0);
  const up = total("online");
  const down = total("offline");
  if (up + down === 0) return "Nothing is known yet.";
  const times = stretches.filter(({ status }) => status === "offline").length;
  const percent = Math.floor((up / (up + down)) * 10_000) / 100;
  return `online ${percent} % of the time that is known; away ${times === 1 ? "once" : `${times} times`}${times === 0 ? "" : `, ${duration(down)} in all`}`;
}

export function Ups(props: { history: AgentHistory }): JSX.Element {
  const now = Date.now();
  const stretches = stretchesOf(props.history, now);
  const begin = stretches[0]?.from ?? now;
  const words = inWords(stretches);
  const x = (at: number): number => ((at - begin) / Math.max(1, now - begin)) * 1_000;
  const away = stretches.filter(({ status }) => status === "offline").reverse();
  return (
    <>
      <svg class="ups" viewBox="0 0 1000 16" preserveAspectRatio="none" role="img" aria-label={`Over the last 30 days: ${words}`}>
        <title>{words}</title>
        {stretches.map(({ from, to, status }) => (
          <rect key={from} x={x(from)} width={Math.max(1.5, x(to) - x(from))} y={status === "online" ? 8 : 0} height={status === "online" ? 8 : 16} class={status} />
        ))}
      </svg>
      <p class="dim">{words}</p>
      {away.length > 0 && (
        <ul class="plain">
          {away.slice(0, MOST_SHOWN).map(({ from, to, since }) => (
            <li key={from}>
              away from <Time at={since} /> for {duration(to - from)}
              {to === now && " until now"}
            </li>
          ))}
          {away.length > MOST_SHOWN && <li class="dim">and {away.length - MOST_SHOWN} times before</li>}
        </ul>
      )}
    </>
  );
}
