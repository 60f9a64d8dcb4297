// The states of tasks, hosts of runs, runs, agents and so on: which class and shape each has. The word is always shown, too.

export type Tone = "good" | "bad" | "busy" | "held" | "quiet" | "warn";
export type Shape = "check" | "cross" | "play" | "ring" | "dash" | "pause" | "clock" | "question" | "dot" | "stop";

export interface Look {
  tone: Tone;
  shape: Shape;
}

const LOOKS: Record<string, Look> = {
  done: { tone: "good", shape: "check" },
  online: { tone: "good", shape: "dot" },
  on: { tone: "good", shape: "dot" },
  accepted: { tone: "good", shape: "check" },
  open: { tone: "good", shape: "ring" },
  failed: { tone: "bad", shape: "cross" },
  timeout: { tone: "bad", shape: "clock" },
  lost: { tone: "bad", shape: "question" },
  refused: { tone: "bad", shape: "cross" },
  denied: { tone: "bad", shape: "cross" },
  conflict: { tone: "bad", shape: "question" },
  rejected: { tone: "bad", shape: "stop" },
  partial: { tone: "warn", shape: "cross" },
  paused: { tone: "warn", shape: "pause" },
  undelivered: { tone: "warn", shape: "ring" },
  expired: { tone: "warn", shape: "clock" },
  closed: { tone: "warn", shape: "stop" },
  pending: { tone: "held", shape: "clock" },
  running: { tone: "busy", shape: "play" },
  sent: { tone: "busy", shape: "play" },
  waiting: { tone: "held", shape: "clock" },
  queued: { tone: "held", shape: "clock" },
  held: { tone: "held", shape: "dash" },
  stopped: { tone: "quiet", shape: "stop" },
  canceled: { tone: "quiet", shape: "stop" },
  skipped: { tone: "quiet", shape: "dash" },
  not_started: { tone: "quiet", shape: "dash" },
  offline: { tone: "quiet", shape: "ring" },
  unknown: { tone: "quiet", shape: "question" },
  disabled: { tone: "quiet", shape: "stop" },
};

export const lookOf = (state: string): Look => LOOKS[state] ?? { tone: "quiet", shape: "dot" };

export const FINAL_TASK = new Set(["done", "failed", "timeout", "canceled", "expired", "undelivered", "skipped", "lost"]);
export const FINAL_RUN = new Set(["done", "partial", "stopped", "canceled", "expired", "skipped"]);
/** States of a run's hosts, in the order in which a person asks for them. */
export const HOST_STATES = ["failed", "timeout", "lost", "undelivered", "expired", "canceled", "running", "sent", "waiting", "held", "not_started", "done"];
/** The same in the order of a bar: what is over, what goes on, what is to come. */
export const BAR_STATES = ["done", "failed", "timeout", "lost", "undelivered", "expired", "canceled", "running", "sent", "waiting", "held", "not_started"];
export const RETRIED = ["failed", "timeout", "lost", "undelivered", "expired", "canceled", "not_started"];
export const TASK_STATES = ["waiting", "sent", "running", "done", "failed", "timeout", "canceled", "expired", "undelivered", "skipped", "lost"];
export const RUN_STATES = ["pending", "running", "paused", "done", "partial", "stopped", "canceled", "expired", "skipped"];

/** Drawn in a box of 12 by 12. */
export const SHAPES: Record<Shape, string> = {
  check: "M2 6.5 4.8 9.3 10 3.2",
  cross: "M3 3 9 9M9 3 3 9",
  play: "M3.5 2.2 9.5 6 3.5 9.8z",
  ring: "M6 2a4 4 0 1 0 0 8a4 4 0 1 0 0-8z",
  dash: "M2.5 6h7",
  pause: "M4 2.5v7M8 2.5v7",
  clock: "M6 1.8a4.2 4.2 0 1 0 0 8.4a4.2 4.2 0 1 0 0-8.4zM6 3.6V6l1.8 1.2",
  question: "M3.8 4.2a2.2 2.2 0 1 1 3.2 2q-1 .5-1 1.3M6 9.7v.2",
  dot: "M6 3a3 3 0 1 0 0 6a3 3 0 1 0 0-6z",
  stop: "M3 3h6v6H3z",
};
export const FILLED = new Set<Shape>(["play", "dot", "stop"]);
