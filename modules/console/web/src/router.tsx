// Views are URLs below /console/. Navigation is by history; filters live in the query.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

const BASE = "/console";
const listeners = new Set<() => void>();

export interface Place {
  /** Below /console, such as `/runs/7A71B8A6B6D78ECC`. */
  path: string;
  query: URLSearchParams;
}

export function here(): Place {
  const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : "";
  return { path: path === "" ? "/" : path, query: new URLSearchParams(location.search) };
}

function notify(): void {
  for (const listener of listeners) listener();
}

window.addEventListener("popstate", notify);

/** Goes to a view; `replace` leaves no step back. */
export function go(to: string, replace = false): void {
  if (replace) history.replaceState(null, "", BASE + to);
  else history.pushState(null, "", BASE + to);
  if (!replace) window.scrollTo(0, 0);
  notify();
}

export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const update = (): void => setPlace(here());
    listeners.add(update);
    return () => {
      listeners.delete(update);
    };
  }, []);
  return place;
}

/** A path with those query fields that are not empty. */
export function path(to: string, query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "");
  return given.length === 0 ? to : `${to}?${new URLSearchParams(given).toString()}`;
}

// An address stands in the query: at the end of a path its last dot would begin a file's extension.
export const hostPath = (ip: string): string => path("/hosts/at", { ip });
export const cronPath = (ip: string, id: string): string => path("/schedules/cron", { ip, id });
export const cronEditPath = (ip: string, id: string): string => path("/schedules/cron/edit", { ip, id });

export function Link(props: { to: string; children: ComponentChildren; class?: string; current?: boolean; title?: string }): JSX.Element {
  const follow = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(props.to);
  };
  return (
    <a href={BASE + props.to} class={props.class} title={props.title} aria-current={props.current ? "page" : undefined} onClick={follow}>
      {props.children}
    </a>
  );
}
