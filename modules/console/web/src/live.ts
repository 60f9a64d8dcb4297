// Data of a page that stays current: read once, then again when the stream says that one of its topics changed, at most
// twice a second. Pages of lists read more seldom: on a busy server something in a list changes all the time.
import { useEffect, useRef, useState } from "preact/hooks";
import { CallError, Reading } from "./api";
import { watchTopics } from "./events";

const MIN_PAUSE_MS = 500;
/** Between two readings of a list. */
export const LIST_PAUSE_MS = 2_000;

export interface Live<Data> {
  data: Data | undefined;
  error: CallError | undefined;
  /** When `data` was read, in ms since 1970. */
  readAt: number;
  reload: () => void;
}

function asCallError(error: unknown): CallError {
  return error instanceof CallError ? error : new CallError("", error instanceof Error ? error.message : String(error));
}

/**
 * What `load` returns, read anew when `key` or one of the topics changes. `load` gets what it returned before for the same
 * key, so that it may read only what is newer. A page streams at most one list of topics.
 */
export function useLive<Data>(
  key: string,
  topics: string[],
  load: (reading: Reading, before: Data | undefined) => Promise<Data>,
  pauseMs = MIN_PAUSE_MS,
): Live<Data> {
  const [shown, setShown] = useState<{ key: string; data: Data | undefined; error: CallError | undefined; readAt: number }>();
  const latest = useRef(load);
  latest.current = load;
  const reload = useRef<() => void>(() => undefined);

  useEffect(() => {
    const abort = new AbortController();
    let data: Data | undefined;
    let isReading = false;
    let isDirty = false;
    let timer: number | undefined;
    let readAt = 0;
    let seenSeq = 0;
    let isWanted = false; // by a person, who does not wait for the pause
    let stopStream: (() => void) | undefined;

    const read = async (): Promise<void> => {
      if (isReading || timer !== undefined) {
        isDirty = true;
        return;
      }
      isReading = true;
      isDirty = false;
      const reading = new Reading(abort.signal);
      try {
        data = await latest.current(reading, data);
        if (abort.signal.aborted) return;
        readAt = Date.now();
        seenSeq = reading.seq;
        setShown({ key, data, error: undefined, readAt });
      } catch (error) {
        if (abort.signal.aborted) return;
        setShown({ key, data, error: asCallError(error), readAt });
      }
      isReading = false;
      if (topics.length > 0) stopStream ??= watchTopics(topics, () => seenSeq, () => void read());
      if (isWanted) {
        isWanted = false;
        void read();
        return;
      }
      timer = window.setTimeout(() => {
        timer = undefined;
        if (isDirty) void read();
      }, pauseMs);
    };

    reload.current = () => {
      isWanted = isReading;
      window.clearTimeout(timer);
      timer = undefined;
      void read();
    };
    void read();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
      stopStream?.();
    };
  }, [key, topics.join(" ")]);

  const isCurrent = shown?.key === key;
  return {
    data: isCurrent ? shown.data : undefined,
    error: isCurrent ? shown.error : undefined,
    readAt: isCurrent ? shown.readAt : 0,
    reload: () => reload.current(),
  };
}

/** An action of a person: whether it runs, and how it was refused. */
export function useAction(): {
  isBusy: boolean;
  error: CallError | undefined;
  run: (action: () => Promise<void>) => void;
  clear: () => void;
} {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<CallError>();
  const run = (action: () => Promise<void>): void => {
    if (isBusy) return;
    setBusy(true);
    setError(undefined);
    action()
      .catch((caught: unknown) => setError(asCallError(caught)))
      .finally(() => setBusy(false));
  };
  return { isBusy, error, run, clear: () => setError(undefined) };
}
