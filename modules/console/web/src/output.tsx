// What a worker printed, in windows of 64 KiB. It is hostile: it becomes text nodes and nothing else.
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { CallError, call } from "./api";
import { pieces } from "./ansi";
import { bytes } from "./time";
import type { TaskOutput } from "./types";
import { Problem } from "./ui";

const WINDOW = 65_536;
const DOWNLOAD_WINDOW = 1_048_576;
const MAX_DOWNLOAD = 256 * 1_048_576;
const MAX_PIECES = 500;
const MAX_MARKS = 300;
const MAX_WINDOWS_SEARCHED = 64;

type Stream = "stdout" | "stderr";

interface Shown {
  stream: Stream;
  offset: number;
  text: string;
  length: number;
  size: number;
  sizes: Record<Stream, number>;
  isCut: boolean;
  leftOut: number;
}

const byteLength = (text: string): number => new TextEncoder().encode(text).length;

async function readWindow(id: string, stream: Stream, offset: number, limit: number, otherSize: number): Promise<Shown> {
  const fields = stream === "stdout" ? { offset, stderr_offset: otherSize } : { offset: otherSize, stderr_offset: offset };
  const reply = await call<TaskOutput>("tasklog.gettaskoutput", { id, limit, ...fields });
  const text = stream === "stdout" ? reply.output : reply.stderr;
  const sizes = { stdout: Number(reply.size), stderr: Number(reply.stderr_size) };
  return {
    stream,
    offset,
    text,
    length: byteLength(text),
    size: sizes[stream],
    sizes,
    isCut: reply.truncated === "true",
    leftOut: Number(reply.left_out ?? 0),
  };
}

/** The last window of a stream. */
async function readEnd(id: string, stream: Stream, before: Shown | undefined): Promise<Shown> {
  const other = before?.sizes[stream === "stdout" ? "stderr" : "stdout"] ?? 0;
  const guess = Math.max(0, (before?.sizes[stream] ?? 0) - WINDOW);
  const first = await readWindow(id, stream, guess, WINDOW, other);
  const offset = Math.max(0, first.size - WINDOW);
  return first.offset + first.length >= first.size ? first : readWindow(id, stream, offset, WINDOW, first.sizes[stream === "stdout" ? "stderr" : "stdout"]);
}

function placesOf(text: string, wanted: string): number[] {
  if (wanted === "") return [];
  const lower = text.toLowerCase();
  const [where, what] = lower.length === text.length ? [lower, wanted.toLowerCase()] : [text, wanted];
  const places: number[] = [];
  for (let at = where.indexOf(what); at >= 0 && places.length < MAX_MARKS; at = where.indexOf(what, at + what.length)) places.push(at);
  return places;
}

/** The pieces of one window, with what was found in it marked. */
function Text(props: { text: string; wanted: string; current: number }): JSX.Element {
  const current = useRef<HTMLElement>(null);
  const found = useMemo(() => pieces(props.text, MAX_PIECES), [props.text]);
  const plain = useMemo(() => found.map((piece) => piece.text).join(""), [found]);
  const places = useMemo(() => placesOf(plain, props.wanted), [plain, props.wanted]);
  useEffect(() => current.current?.scrollIntoView({ block: "center" }), [props.current, places]);

  const parts: JSX.Element[] = [];
  let start = 0;
  let next = 0;
  for (const piece of found) {
    const end = start + piece.text.length;
    let from = start;
    while (from < end) {
      const at = places[next];
      const inMark = at !== undefined && from >= at;
      const to = Math.min(end, at === undefined ? end : inMark ? at + props.wanted.length : at);
      const text = plain.slice(from, to);
      const isCurrent = inMark && next === props.current;
      parts.push(
        inMark ? (
          <mark key={parts.length} ref={isCurrent ? current : undefined} class={isCurrent ? "current" : undefined}>
            {text}
          </mark>
        ) : (
          <span key={parts.length} class={piece.classes === "" ? undefined : piece.classes}>
            {text}
          </span>
        ),
      );
      from = to;
      if (inMark && at !== undefined && to >= at + props.wanted.length) next++;
    }
    start = end;
  }
  return <>{parts}</>;
}

export function Output(props: { id: string; version: number; isFinal: boolean }): JSX.Element {
  const { id } = props;
  const [stream, setStream] = useState<Stream>("stdout");
  const [shown, setShown] = useState<Shown>();
  const [isFollowing, setFollowing] = useState(true);
  const [error, setError] = useState<CallError>();
  const [wanted, setWanted] = useState("");
  const [current, setCurrent] = useState(0);
  const [message, setMessage] = useState("");
  const box = useRef<HTMLPreElement>(null);
  const isReading = useRef(false);

  const guarded = (work: () => Promise<void>): void => {
    if (isReading.current) return;
    isReading.current = true;
    setError(undefined);
    work()
      .catch((caught: unknown) => setError(caught instanceof CallError ? caught : new CallError("", String(caught))))
      .finally(() => {
        isReading.current = false;
      });
  };
  const toEnd = (of: Stream): void =>
    guarded(async () => {
      setShown(await readEnd(id, of, shown));
      setFollowing(true);
    });
  const to = (offset: number): void =>
    guarded(async () => {
      setFollowing(false);
      setMessage("");
      setShown(await readWindow(id, stream, Math.max(0, offset), WINDOW, shown?.sizes[stream === "stdout" ? "stderr" : "stdout"] ?? 0));
      if (box.current) box.current.scrollTop = 0;
    });

  useEffect(() => {
    if (isFollowing) toEnd(stream);
  }, [id, stream, props.version]);
  useEffect(() => {
    if (isFollowing && wanted === "" && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [shown, isFollowing]);

  const find = (): void => {
    if (!shown || wanted === "") return;
    const here = placesOf(pieces(shown.text, MAX_PIECES).map((piece) => piece.text).join(""), wanted);
    if (current + 1 < here.length) {
      setFollowing(false);
      setCurrent(current + 1);
      return;
    }
    guarded(async () => {
      setFollowing(false);
      // On through the windows behind this one, then from the start, up to a bound.
      let at = shown.offset + shown.length;
      for (let searched = 0; searched < MAX_WINDOWS_SEARCHED; searched++) {
        if (at >= shown.size) at = 0;
        const next = await readWindow(id, stream, at, WINDOW, shown.sizes[stream === "stdout" ? "stderr" : "stdout"]);
        if (placesOf(pieces(next.text, MAX_PIECES).map((piece) => piece.text).join(""), wanted).length > 0) {
          setShown(next);
          setCurrent(0);
          setMessage(`found in the window from ${bytes(next.offset)} on`);
          return;
        }
        at = next.offset + Math.max(1, next.length);
        if (next.offset === shown.offset) break;
      }
      setMessage(`"${wanted}" is not in the ${bytes(Math.min(shown.size, MAX_WINDOWS_SEARCHED * WINDOW))} that were searched`);
    });
  };
  const download = (): void =>
    guarded(async () => {
      const parts: string[] = [];
      for (let at = 0; shown && at < Math.min(shown.size, MAX_DOWNLOAD); ) {
        const next = await readWindow(id, stream, at, DOWNLOAD_WINDOW, shown.sizes[stream === "stdout" ? "stderr" : "stdout"]);
        if (next.length === 0) break;
        parts.push(next.text);
        at += next.length;
      }
      save(parts, `${id}.${stream}.txt`);
    });

  const isAtEnd = shown !== undefined && shown.offset + shown.length >= shown.size;
  return (
    <div class="output">
      <div class="output-bar">
        <span class="choices" role="group" aria-label="Stream">
          {(["stdout", "stderr"] as const).map((each) => (
            <button
              key={each}
              type="button"
              class="small"
              aria-pressed={stream === each}
              onClick={() => {
                setStream(each);
                setFollowing(true);
                setMessage("");
              }}
            >
              {each} <span class="dim">{shown ? bytes(shown.sizes[each]) : ""}</span>
            </button>
          ))}
        </span>
        <form
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            find();
          }}
        >
          <input
            type="text"
            data-find="output"
            aria-label="Find in the output"
            placeholder="Find in the output   /"
            value={wanted}
            spellcheck={false}
            autocomplete="off"
            onInput={(event) => {
              setWanted(event.currentTarget.value);
              setCurrent(-1);
              setMessage("");
            }}
          />
        </form>
        <span class="buttons">
          <button type="button" class="small" disabled={!shown || shown.offset === 0} onClick={() => shown && to(shown.offset - WINDOW)}>
            Earlier
          </button>
          <button type="button" class="small" disabled={isAtEnd} onClick={() => shown && to(shown.offset + shown.length)}>
            Later
          </button>
          <button type="button" class="small" disabled={isAtEnd && isFollowing} onClick={() => toEnd(stream)}>
            End
          </button>
          <button type="button" class="small" disabled={!shown || shown.size === 0} onClick={download}>
            Download
          </button>
        </span>
      </div>
      <Problem error={error} />
      <pre ref={box} tabIndex={0} aria-label={`What the worker printed to ${stream}`} class="printed">
        {shown && shown.text !== "" ? (
          <Text text={shown.text} wanted={wanted} current={Math.max(0, current)} />
        ) : (
          <span class="dim">{shown ? (props.isFinal ? "It printed nothing." : "It has printed nothing so far.") : "Reading…"}</span>
        )}
      </pre>
      {shown && shown.size > 0 && (
        <p class="dim output-foot" aria-live="polite">
          bytes {shown.offset.toLocaleString("en")} to {(shown.offset + shown.length).toLocaleString("en")} of {shown.size.toLocaleString("en")}
          {isFollowing && !props.isFinal && " · follows the end"}
          {shown.isCut && " · not complete"}
          {shown.leftOut > 0 && ` · the server did not keep ${bytes(shown.leftOut)}`}
          {message !== "" && ` · ${message}`}
        </p>
      )}
    </div>
  );
}

/** Hands a file to the browser's downloads. */
export function save(parts: string[], name: string): void {
  const url = URL.createObjectURL(new Blob(parts, { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
