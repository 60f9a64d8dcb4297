// The hosts of a run, in pages as listrunhosts gives them. A page of which every host is final is not read again.
import type { Reading } from "./api";
import type { RunHost } from "./types";

const PAGE = 1_000;
const FINAL_HOST = new Set(["done", "failed", "timeout", "canceled", "expired", "undelivered", "lost", "not_started"]);

export interface HostPage {
  after: string | undefined;
  hosts: RunHost[];
  next: string | undefined;
}

async function readPage(reading: Reading, id: string, after: string | undefined): Promise<HostPage> {
  const { hosts, next } = await reading.call<{ hosts: RunHost[]; next?: string }>("run.listrunhosts", { id, after, limit: PAGE });
  return { after, hosts, next };
}

async function readAll(reading: Reading, id: string): Promise<HostPage[]> {
  const pages: HostPage[] = [];
  let after: string | undefined;
  do {
    const page = await readPage(reading, id, after);
    pages.push(page);
    after = page.next;
  } while (after !== undefined);
  return pages;
}

/**
 * The pages as they are now. While the run goes on, hosts start in the run's order: behind two pages of which no host has
 * begun, none is read.
 */
export async function readHosts(reading: Reading, id: string, before: HostPage[] | undefined, hasEnded: boolean): Promise<HostPage[]> {
  if (!before) return readAll(reading, id);
  const pages: HostPage[] = [];
  let untouched = 0;
  for (const page of before) {
    const isFinal = page.hosts.every((host) => FINAL_HOST.has(host.state));
    if (isFinal || (untouched >= 2 && !hasEnded)) {
      pages.push(page);
      continue;
    }
    const read = await readPage(reading, id, page.after);
    if (read.hosts.every((host) => host.state === "held")) untouched++;
    pages.push(read);
  }
  return pages;
}
