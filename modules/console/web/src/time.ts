// Times of day come as `YYYY-MM-DD HH:MM:SS` in the server's zone (elves.stats names it). They are shown as they came; the
// time of this browser's zone is added on hover.

let serverZone = "UTC";

export function setServerZone(zone: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    serverZone = zone;
  } catch {
    // A browser that does not know the zone shows the server's times without the local ones.
    serverZone = "";
  }
}

export const zoneName = (): string => serverZone;

const FORMATS = new Map<string, Intl.DateTimeFormat>();

function format(zone: string): Intl.DateTimeFormat {
  let found = FORMATS.get(zone);
  if (!found) {
    found = new Intl.DateTimeFormat("sv-SE", {
      timeZone: zone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    });
    FORMATS.set(zone, found);
  }
  return found;
}

/** A moment as the server writes it. */
export const serverTime = (ms: number): string => format(serverZone || "UTC").format(ms);

const TIME = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)/;

/** The moment of a time of day of the server; undefined where that is none, or the zone is unknown. */
export function momentOf(text: string): number | undefined {
  const match = TIME.exec(text);
  if (!match || serverZone === "") return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [number, number, number, number, number, number];
  const wall = Date.UTC(year, month - 1, day, hour, minute, second);
  let guess = wall;
  // Twice: the offset at the guess may differ from that at the moment itself.
  for (let pass = 0; pass < 2; pass++) {
    const shown = TIME.exec(serverTime(guess));
    if (!shown) return undefined;
    const [y, mo, d, h, mi, s] = shown.slice(1).map(Number) as [number, number, number, number, number, number];
    guess += wall - Date.UTC(y, mo - 1, d, h, mi, s);
  }
  return guess;
}

const LOCAL = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });

/** `2026-11-24 22:33:28 here (Europe/Berlin)`. */
export function localTime(text: string): string {
  const at = momentOf(text);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return at === undefined ? text : `${LOCAL.format(at)} here (${zone})`;
}

/** 1234 ms as `1.2 s`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min ${String(Math.round(seconds % 60)).padStart(2, "0")} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long after the one time of day, which has whole seconds, the other was; "" where either is missing. */
export function between(from: string, to: string): string {
  const start = momentOf(from);
  const end = momentOf(to);
  if (start === undefined || end === undefined) return "";
  const ms = Math.max(0, end - start);
  if (ms < 1_000) return "under 1 s";
  return ms < 10_000 ? `${Math.round(ms / 1_000)} s` : duration(ms);
}

/** `3 min ago`, `in 2 h`. */
export function relative(text: string, now = Date.now()): string {
  const at = momentOf(text);
  if (at === undefined) return "";
  const ms = Math.abs(now - at);
  const unit = ms < 60_000 ? `${Math.round(ms / 1_000)} s` : ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`;
  return at <= now ? `${unit} ago` : `in ${unit}`;
}

export function bytes(count: number): string {
  if (count < 1_024) return `${count} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = count / 1_024;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
