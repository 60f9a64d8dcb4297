// Where what a person typed into "find" leads: 16 hex digits are a task or a run, an address is a host, anything else a target.
import { call } from "./api";
import { hostPath, path } from "./router";
import type { Task } from "./types";

const ID = /^[0-9a-f]{16}$/i;
const ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:.]+)$/i;

async function isTask(id: string): Promise<boolean> {
  try {
    const { info } = await call<{ info: Task[] }>("tasklog.gettaskbyids", { id: [id] });
    return info.length > 0;
  } catch {
    return false;
  }
}

export async function placeOf(text: string): Promise<string> {
  if (ID.test(text)) return (await isTask(text)) ? `/tasks/${text.toUpperCase()}` : `/runs/${text.toUpperCase()}`;
  if (ADDRESS.test(text)) return hostPath(text);
  return path("/hosts", { target: text });
}
