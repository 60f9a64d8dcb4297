// A day of a schedule as a strip from 00:00 to 24:00 of the server's zone: what fired, what was skipped, what comes. Height
// and side tell the states apart without colour: failures stand tall, skipped ones hang from the top, times to come are open.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { lookOf } from "./states";
import { momentOf, serverTime } from "./time";

export interface Firing {
  at: string;
  /** A state, or "next". */
  state: string;
}

const HOUR_MS = 3_600_000;

/** Midnight before `now` in the server's zone, as the server writes it. */
export const startOfDay = (now = Date.now()): string => `${serverTime(now).slice(0, 10)} 00:00:00`;

function summary(firings: Firing[]): string {
  const counts = new Map<string, number>();
  for (const { state } of firings) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts.size === 0 ? "nothing today" : [...counts].map(([state, count]) => `${count} ${state === "next" ? "to come" : state}`).join(", ");
}

function draw(canvas: HTMLCanvasElement, firings: Firing[]): void {
  const midnight = momentOf(startOfDay());
  const context = canvas.getContext("2d");
  if (midnight === undefined || !context) return;
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  context.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const x = (ms: number): number => Math.round(((ms - midnight) / (24 * HOUR_MS)) * width);
  context.fillStyle = colour("--line");
  for (let hour = 0; hour <= 24; hour += 6) context.fillRect(Math.min(width - 1, x(midnight + hour * HOUR_MS)), 0, 1, height);
  context.fillRect(0, height - 1, width, 1);
  for (const firing of firings) {
    const at = momentOf(firing.at);
    if (at === undefined || at < midnight || at > midnight + 24 * HOUR_MS) continue;
    const left = x(at);
    if (firing.state === "next") {
      context.strokeStyle = colour("--dim");
      context.strokeRect(left - 1.5, height - 8.5, 3, 6);
      continue;
    }
    const { tone } = lookOf(firing.state);
    context.fillStyle = colour(`--${tone}`);
    if (tone === "bad") context.fillRect(left - 1, 0, 3, height - 1);
    else if (tone === "quiet" || tone === "warn") context.fillRect(left - 1, 0, 3, height / 2 - 2);
    else context.fillRect(left - 1, height / 2, 3, height / 2 - 1);
  }
  context.fillStyle = colour("--ink");
  context.fillRect(x(Date.now()), 0, 1, height);
}

export function Day(props: { firings: Firing[] }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const paint = (): void => {
      if (canvas.current) draw(canvas.current, props.firings);
    };
    paint();
    window.addEventListener("resize", paint);
    window.addEventListener("elves-theme", paint);
    return () => {
      window.removeEventListener("resize", paint);
      window.removeEventListener("elves-theme", paint);
    };
  }, [props.firings]);
  const words = summary(props.firings);
  return <canvas ref={canvas} class="day" role="img" aria-label={`Today: ${words}`} title={words} />;
}
