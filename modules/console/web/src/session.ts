// Which methods the key of this session may call. The server decides all the same; the page leaves out what it would refuse.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Session } from "./api";

export const SessionContext = createContext<Session>({ key: "", name: "", role: "", methods: [], version: "" });

export const useSession = (): Session => useContext(SessionContext);

/** Whether the key may call that method: `can("run.startrun")`. */
export function useCan(): (method: string) => boolean {
  const { methods } = useSession();
  return (method) => methods.includes(method);
}
