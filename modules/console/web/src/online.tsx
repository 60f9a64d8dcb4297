// How many agents were online over the last 24 hours, as an area that has gaps where the server did not run.
import type { JSX } from "preact";
import { momentOf } from "./time";

export interface OnlineHistory {
  step: string;
  counts: { time: string; online: string; known: string }[];
}

const HOURS = 24;
const HEIGHT = 40;

interface Point {
  at: number;
  online: number;
}

/** Stretches without a gap, oldest first. */
function stretches(points: Point[], stepMs: number): Point[][] {
  const found: Point[][] = [];
  for (const point of points) {
    const last = found.at(-1);
    const before = last?.at(-1);
    if (last && before && point.at - before.at <= stepMs * 1.5) last.push(point);
    else found.push([point]);
  }
  return found;
}

export function Online(props: { history: OnlineHistory }): JSX.Element | null {
  const stepMs = Number(props.history.step) * 1_000;
  const points = props.history.counts.map(({ time, online }) => ({ at: momentOf(time) ?? Number.NaN, online: Number(online) })).filter(({ at }) => Number.isFinite(at));
  const most = Math.max(1, ...props.history.counts.map(({ known }) => Number(known)));
  const least = Math.min(...points.map(({ online }) => online));
  if (points.length === 0) return <p class="dim">How many were online is noted each minute from now on.</p>;
  const end = Date.now();
  const begin = end - HOURS * 3_600_000;
  const x = (at: number): number => Math.max(0, ((at - begin) / (end - begin)) * 1_000);
  const y = (online: number): number => HEIGHT - (online / most) * (HEIGHT - 2);
  const area = (stretch: Point[]): string => {
    const first = stretch[0] as Point;
    const last = stretch.at(-1) as Point;
    const steps = stretch.map(({ at, online }) => `H${x(at).toFixed(1)}V${y(online).toFixed(1)}`).join("");
    return `M${x(first.at).toFixed(1)} ${HEIGHT}${steps}H${x(last.at + stepMs).toFixed(1)}V${HEIGHT}Z`;
  };
  const greatest = Math.max(...points.map(({ online }) => online));
  const words = least === greatest ? `${least} of ${most} online` : `between ${least} and ${greatest} of ${most} online`;
  return (
    <figure class="online">
      <svg viewBox={`0 0 1000 ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`Over the last 24 hours: ${words}`}>
        <title>{words}</title>
        {stretches(points, stepMs).map((stretch) => (
          <path key={stretch[0]?.at} d={area(stretch)} />
        ))}
      </svg>
      <figcaption class="dim">24 hours ago until now: {words}</figcaption>
    </figure>
  );
}
