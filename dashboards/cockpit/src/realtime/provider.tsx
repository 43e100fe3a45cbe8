import { createContext, use, useEffect, useState, type ReactNode } from "react";
import { QueryClientProvider } from "@tanstack/react-query";
import type { Account } from "../session/claims.ts";
import { createRealtime, type Realtime } from "./realtime.ts";

const Context = createContext<Realtime | undefined>(undefined);

/** The stream, feed, history and caches of the session. */
export function useRealtime(): Realtime {
  const realtime = use(Context);
  if (realtime === undefined) throw new Error("useRealtime needs a RealtimeProvider above it");
  return realtime;
}

interface Props {
  readonly account: Account;
  readonly onSignedOut: (reason: string) => void;
  readonly children: ReactNode;
}

/** Streams while it is mounted. Give it a `key` per account: another account gets everything anew. */
export function RealtimeProvider({ account, onSignedOut, children }: Props) {
  const [realtime] = useState(() => createRealtime(account, onSignedOut));
  useEffect(() => realtime.run(), [realtime]);
  return (
    <Context value={realtime}>
      <QueryClientProvider client={realtime.queries}>{children}</QueryClientProvider>
    </Context>
  );
}
