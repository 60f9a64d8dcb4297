// How many hosts of a run are in which state: a bar, and the same in words.
import type { JSX } from "preact";
import { BAR_STATES, lookOf } from "./states";
import { State } from "./ui";

export function Progress(props: { counts: Record<string, string>; total: number; withWords?: boolean }): JSX.Element {
  const present = BAR_STATES.filter((state) => Number(props.counts[state] ?? 0) > 0);
  const words = present.map((state) => `${props.counts[state]} ${state.replaceAll("_", " ")}`).join(", ");
  return (
    <div class="progress">
      <svg viewBox={`0 0 ${Math.max(1, props.total)} 1`} preserveAspectRatio="none" role="img" aria-label={words}>
        {present.reduce<{ x: number; bars: JSX.Element[] }>(
          (sum, state) => {
            const width = Number(props.counts[state]);
            sum.bars.push(<rect key={state} x={sum.x} y="0" width={width} height="1" class={lookOf(state).tone} />);
            return { x: sum.x + width, bars: sum.bars };
          },
          { x: 0, bars: [] },
        ).bars}
      </svg>
      {props.withWords === false ? null : (
        <span class="states">
          {present.map((state) => (
            <State key={state} is={state} word={`${props.counts[state]} ${state}`} />
          ))}
        </span>
      )}
    </div>
  );
}
