// Calls of the server's methods over POST /api/SERVICE/METHOD, and the session.
import { isSomebodyThere } from "./presence";

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };
export type Fields = Record<string, unknown>;

/** A call that the server refused, or that did not reach it (code ""). */
export class CallError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Session {
  key: string;
  name: string;
  role: string;
  /** `SERVICE.METHOD` that the key may call. */
  methods: string[];
  version: string;
}

const HEADERS = { "Content-Type": "application/json", "X-Elves": "console" };
const ERROR_TEXT = /^\[([0-9.]+)\] ?([\s\S]*)$/;

let onSignedOut: () => void = () => undefined;

/** Calls `handler` when the server no longer knows this session. */
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler;
}

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...init, credentials: "same-origin", redirect: "error", cache: "no-store" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new CallError("", "The server did not answer.");
  }
}

/** A refusal's code and text, however the server wrote them. */
function refusal(status: number, body: Record<string, unknown>): CallError {
  const text = String(body.error_info ?? "");
  const match = ERROR_TEXT.exec(text);
  if (match) return new CallError(match[1] ?? "", match[2] ?? "");
  return new CallError(String(body.error ?? status), String(body.why ?? (text || `The server answered with HTTP status ${status}.`)));
}

/** The answer's JSON object. Throws where it was cut off: half an answer is none. */
async function bodyOf(response: Response): Promise<Record<string, unknown>> {
  let body: unknown;
  try {
    body = await response.json();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    if (!response.ok) return {};
    throw new CallError("", "The server's answer ended before its end.");
  }
  return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
}

/** What a reply says beside its fields. */
interface CallOptions {
  signal?: AbortSignal;
  /** Called with the sequence number of changes that the reply has seen at least. */
  onSeq?: (seq: number) => void;
}

/** Calls SERVICE.METHOD; fields that are undefined or "" are not sent. Throws CallError. */
export async function call<Reply>(method: string, fields: Fields = {}, options: CallOptions = {}): Promise<Reply> {
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ""));
  const response = await send(`/api/${method.replace(".", "/")}`, {
    method: "POST",
    headers: { ...HEADERS, "X-Elves": isSomebodyThere() ? "console" : "unattended" },
    body: JSON.stringify(given),
    signal: options.signal ?? null,
  });
  const seq = Number(response.headers.get("Elves-Seq"));
  if (Number.isSafeInteger(seq)) options.onSeq?.(seq);
  const body = await bodyOf(response);
  if (response.ok && body.flag !== "false") return body as Reply;
  const error = refusal(response.status, body);
  if (error.code === "401.1" || error.code === "401.5") onSignedOut();
  throw error;
}

/** The calls of one reading of a page: they end together, and the oldest answer counts. */
export class Reading {
  #seq: number | undefined;

  constructor(readonly signal: AbortSignal) {}

  /** Changes up to this one are part of all answers. */
  get seq(): number {
    return this.#seq ?? 0;
  }

  call<Reply>(method: string, fields: Fields = {}): Promise<Reply> {
    return call<Reply>(method, fields, {
      signal: this.signal,
      onSeq: (seq) => {
        this.#seq = Math.min(this.#seq ?? seq, seq);
      },
    });
  }
}

export async function readSession(): Promise<Session | undefined> {
  const response = await send("/session", { method: "GET", headers: { "X-Elves": "console" } });
  if (response.status === 401) return undefined;
  const body = await bodyOf(response);
  if (!response.ok) throw refusal(response.status, body);
  return body as unknown as Session;
}

/** Whether the server still knows the session; where not, the login page comes. Throws CallError where it does not answer. */
export async function isSignedIn(): Promise<boolean> {
  const session = await readSession();
  if (!session) onSignedOut();
  return session !== undefined;
}

/** Makes a session, whose cookie no script can read. Throws CallError where the proof does not count. */
export async function signIn(proof: { key: string; token: string } | { code: string }): Promise<Session> {
  const response = await send("/session", { method: "POST", headers: HEADERS, body: JSON.stringify(proof) });
  const body = await bodyOf(response);
  if (!response.ok) throw refusal(response.status, body);
  const session = await readSession();
  if (!session) throw new CallError("401.1", "The browser did not keep the session's cookie: it has to accept cookies of this site.");
  return session;
}

export async function signOut(): Promise<void> {
  await send("/session", { method: "DELETE", headers: HEADERS });
}
