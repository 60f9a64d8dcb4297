// Whether somebody is at the page: what an open page reads by itself must not keep its session alive for ever.
const THERE_FOR_MS = 60_000;

let lastInput = Date.now();
for (const kind of ["pointerdown", "keydown", "wheel", "touchstart"])
  addEventListener(kind, () => (lastInput = Date.now()), { passive: true, capture: true });

export function isSomebodyThere(): boolean {
  return Date.now() - lastInput < THERE_FOR_MS;
}
