// The next times of a rule: as a list that came with a job or schedule, and asked for while somebody types one.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useLive } from "./live";
import { Problem, Time } from "./ui";

export interface NextTime {
  fire_time: string;
  due?: string;
  local: string;
}

export function NextTimes(props: { times: NextTime[]; none: string }): JSX.Element {
  if (props.times.length === 0) return <p class="dim">{props.none}</p>;
  return (
    <ol class="next-times">
      {props.times.map((time) => (
        <li key={time.fire_time}>
          <Time at={time.fire_time} />
          {time.local !== time.fire_time && <span class="dim"> {time.local} there</span>}
          {time.due !== undefined && time.due !== time.fire_time && <span class="dim"> due {time.due}</span>}
        </li>
      ))}
    </ol>
  );
}

const TYPING_MS = 400;

/** Of a rule that is being typed: asks the server, whose word it is. */
export function NextTimesOf(props: { rule: string; timezone: string; start?: string; end?: string }): JSX.Element | null {
  const asked = JSON.stringify({ rule: props.rule.trim(), timezone: props.timezone.trim(), start_date: props.start ?? "", end_date: props.end ?? "" });
  const [settled, setSettled] = useState(asked);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(asked), TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [asked]);
  const isThere = props.rule.trim() !== "";
  const found = useLive<NextTime[]>(`times ${settled}`, [], async (reading) =>
    isThere ? (await reading.call<{ times: NextTime[] }>("cron.nexttimes", { ...(JSON.parse(settled) as Record<string, string>), times: 5 })).times : [],
  );
  if (!isThere) return null;
  return (
    <div class="full" aria-live="polite" aria-label="Next times" role="group">
      {found.error ? <Problem error={found.error} /> : found.data ? <NextTimes times={found.data} none="It never fires from now on." /> : <p class="dim">Asking…</p>}
    </div>
  );
}
