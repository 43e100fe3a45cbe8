import { QueryCache, QueryClient } from "@tanstack/react-query";
import {
  EventStream,
  Feed,
  HistoryClient,
  Invalidator,
  Problem,
  Session,
  SharedStream,
  type EventSourceLike,
} from "@slipstream/client";
import type { Account } from "../session/claims.ts";

/** First page of history on the live page, and the size of each further page of history. */
export const pageSize = 50;
/** A tab that joins another's stream may have missed what that one got since its own page of history; by then it is archived. */
const archiveLagMs = 1_500;

/** Query keys that are not in the event map. */
export const seedKey = ["activity-seed"] as const;
export const historyHeadKey = ["activity-history", "head"] as const;
export const historyPagesKey = ["activity-pages"] as const;

/** Everything that belongs to one signed-in session; dropped as a whole when it ends, so that no data outlives it. */
export interface Realtime {
  readonly account: Account;
  readonly stream: EventSourceLike;
  readonly feed: Feed;
  readonly history: HistoryClient;
  readonly queries: QueryClient;
  /** Reads everything again that events refresh. */
  readonly refreshAll: () => void;
  /** Opens the stream; returns the way to close it. */
  readonly run: () => () => void;
}

export function createRealtime(account: Account, onSignedOut: (reason: string) => void): Realtime {
  const session = new Session({ token: () => account.token });
  const feed = new Feed((run) => requestAnimationFrameOrTimer(run));
  const queries = createQueries(onSignedOut);
  const history = new HistoryClient({ url: "/api/events/history", session });
  const stream = sharedStream(account, session, async () => (await queries.query(seedQuery(history))).archivedThrough?.cursor);
  const refresh = (keys: readonly string[]) => keys.forEach((key) => void queries.invalidateQueries({ queryKey: queryKeyOf(key) }));
  const invalidator = new Invalidator({ refresh });
  const readSeed = () => void queries.invalidateQueries({ queryKey: seedKey });

  const refreshAll = () => {
    invalidator.reset();
    invalidator.flush();
    readSeed();
  };

  const run = () => {
    let seedTimer: ReturnType<typeof setTimeout> | undefined;
    const offs = [
      stream.onEvents((events) => {
        feed.arrive(events);
        invalidator.add(events);
      }),
      stream.onControl((control) => {
        if (control.type === "reset") {
          feed.break();
          invalidator.reset();
          readSeed();
        }
        if (control.type !== "ready") return;
        clearTimeout(seedTimer);
        seedTimer = setTimeout(readSeed, archiveLagMs);
      }),
      stream.subscribe(() => {
        const { status, reason } = stream.getConnection();
        if (status === "signed_out") onSignedOut(reason ?? "refused");
      }),
    ];
    stream.start();
    return () => {
      clearTimeout(seedTimer);
      offs.forEach((off) => off());
      invalidator.stop();
      stream.stop();
    };
  };

  return { account, stream, feed, history, queries, refreshAll, run };
}

/** A key of the event map as a query key: `entity-history:<entityType>:<entityId>` has three parts, and an id may contain colons. */
export function queryKeyOf(key: string): string[] {
  const [name = "", entityType, ...entityId] = key.split(":");
  return entityType === undefined ? [name] : [name, entityType, entityId.join(":")];
}

/** The newest page of history: what the live page begins with, and where the stream begins. */
export function seedQuery(history: HistoryClient) {
  return { queryKey: seedKey, queryFn: ({ signal }: { signal: AbortSignal }) => history.page({ limit: pageSize, signal }) };
}

function sharedStream(account: Account, session: Session, beginAt: () => Promise<string | undefined>): EventSourceLike {
  const scope = { tenant: account.tenant ?? "", user: account.user };
  const open = () => new EventStream({ url: "/api/events", session, scope, beginAt, storage: localStorageIfAllowed() });
  const name = ["slipstream", scope.tenant, scope.user, ...[...account.roles].sort()].map(encodeURIComponent).join(":");
  return new SharedStream({ name, open });
}

function createQueries(onSignedOut: (reason: string) => void): QueryClient {
  const onError = (error: Error) => {
    if (error instanceof Problem && error.status === 401) onSignedOut(error.code);
  };
  const retry = (failures: number, error: Error) => failures < 2 && !(error instanceof Problem && error.status < 500);
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    defaultOptions: { queries: { retry, staleTime: 15_000, refetchOnWindowFocus: false, networkMode: "always" } },
  });
}

function localStorageIfAllowed(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}

/** Before the next paint; in a hidden tab, where there is none, soon. */
function requestAnimationFrameOrTimer(run: () => void): void {
  if (document.visibilityState === "visible") requestAnimationFrame(run);
  else setTimeout(run, 250);
}
