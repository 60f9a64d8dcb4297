// The hosts of a run as a strip: one cell each, in the run's order. A canvas, because a run may have 10,000 hosts. The
// height of a cell's bar says the state without colour; the line below names the host under the cursor.
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { printable } from "./printable";
import { lookOf, type Tone } from "./states";
import type { RunHost } from "./types";

interface Grid {
  columns: number;
  rows: number;
  /** Size of a cell with its gap, in CSS pixels. */
  width: number;
  height: number;
  gap: number;
}

/** Part of the cell's height that a state's bar takes. */
const BAR: Record<Tone, number> = { bad: 1, warn: 0.8, busy: 0.6, good: 0.45, held: 0.15, quiet: 0.25 };

function gridOf(count: number, width: number): Grid {
  const [cell, height, gap] = count <= 60 ? [26, 30, 4] : count <= 200 ? [14, 22, 3] : count <= 1_000 ? [8, 16, 2] : count <= 4_000 ? [5, 11, 1] : [4, 8, 1];
  const columns = Math.max(1, Math.floor(width / cell));
  return { columns, rows: Math.ceil(count / columns), width: cell, height, gap };
}

function draw(canvas: HTMLCanvasElement, hosts: readonly RunHost[], grid: Grid, cursor: number | undefined): void {
  const scale = window.devicePixelRatio || 1;
  const width = grid.columns * grid.width;
  const height = grid.rows * grid.height;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.height = `${height}px`;
  canvas.style.width = `${width}px`;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const colours = Object.fromEntries(Object.keys(BAR).map((tone) => [tone, colour(`--${tone}`)])) as Record<Tone, string>;
  const floor = colour("--line");
  const ink = colour("--ink");
  hosts.forEach((host, place) => {
    const x = (place % grid.columns) * grid.width;
    const y = Math.floor(place / grid.columns) * grid.height;
    const tone = lookOf(host.state).tone;
    const inside = grid.height - grid.gap;
    const bar = Math.max(1, Math.round(inside * BAR[tone]));
    context.fillStyle = floor;
    context.fillRect(x, y + inside - 1, grid.width - grid.gap, 1);
    context.fillStyle = colours[tone];
    context.fillRect(x, y + inside - bar, grid.width - grid.gap, bar);
    if (place > 0 && hosts[place - 1]?.wave !== host.wave) {
      context.fillStyle = ink;
      context.fillRect(x - grid.gap, y, 1, inside);
    }
  });
  if (cursor !== undefined) {
    const x = (cursor % grid.columns) * grid.width;
    const y = Math.floor(cursor / grid.columns) * grid.height;
    context.strokeStyle = ink;
    context.lineWidth = 2;
    context.strokeRect(x - 1, y - 1, grid.width - grid.gap + 2, grid.height - grid.gap + 2);
  }
}

const describe = (host: RunHost): string =>
  [host.agentip, host.asset, `wave ${host.wave}`, host.state.replaceAll("_", " "), host.answer].filter((part) => part !== "").join(" · ");

export function Strip(props: { hosts: readonly RunHost[]; version: number; onOpen: (host: RunHost) => void }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [cursor, setCursor] = useState<number>();
  const [theme, setTheme] = useState(0);
  const grid = gridOf(props.hosts.length, width);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    const changed = (): void => setTheme((before) => before + 1);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", changed);
    window.addEventListener("elves-theme", changed);
    return () => {
      dark.removeEventListener("change", changed);
      window.removeEventListener("elves-theme", changed);
    };
  }, []);

  useEffect(() => {
    if (canvas.current && width > 0) draw(canvas.current, props.hosts, grid, cursor);
  }, [props.hosts, props.version, width, cursor, theme]);

  const hostAt = cursor === undefined ? undefined : props.hosts[cursor];
  const placeOf = (event: MouseEvent): number | undefined => {
    const bounds = canvas.current?.getBoundingClientRect();
    if (!bounds) return undefined;
    const column = Math.floor((event.clientX - bounds.left) / grid.width);
    const place = Math.floor((event.clientY - bounds.top) / grid.height) * grid.columns + column;
    return column >= 0 && column < grid.columns && place >= 0 && place < props.hosts.length ? place : undefined;
  };
  const move = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -grid.columns, ArrowDown: grid.columns };
    const last = props.hosts.length - 1;
    const step = steps[event.key];
    if (event.key === "Enter" && hostAt) props.onOpen(hostAt);
    else if (event.key === "Home") setCursor(0);
    else if (event.key === "End") setCursor(last);
    else if (step !== undefined) setCursor(cursor === undefined ? 0 : Math.min(last, Math.max(0, cursor + step)));
    else return;
    event.preventDefault();
  };

  return (
    <div class="strip" ref={box}>
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-roledescription="strip of hosts"
        aria-label={`${props.hosts.length} hosts in the run's order. Arrow keys move, Enter opens the host's task. The table below has the same hosts.`}
        onMouseMove={(event) => setCursor(placeOf(event))}
        onClick={(event) => {
          const place = placeOf(event);
          const host = place === undefined ? undefined : props.hosts[place];
          if (host) props.onOpen(host);
        }}
        onKeyDown={move}
      />
      <p class="strip-cursor" aria-live="polite">
        {hostAt ? printable(describe(hostAt)) : <span class="dim">Point at a cell, or move with the arrow keys. A taller bar needs more attention.</span>}
      </p>
    </div>
  );
}
