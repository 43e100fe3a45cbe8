import type { EventEnvelope, HistoryFilter, HistoryPage } from "@slipstream/client";
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient, type InfiniteData } from "@tanstack/react-query";
import { useMemo } from "react";
import { useRealtime } from "../../realtime/provider.tsx";
import { historyHeadKey, historyPagesKey, pageSize } from "../../realtime/realtime.ts";

type Pages = InfiniteData<HistoryPage, string | undefined>;

/**
 * The pages read so far and, apart from them, the newest page: events refresh only that one, so that a list that somebody
 * reads does not move. `newer` says how many events it has that the list has not; `showNewer` begins the list anew with it.
 */
export function useHistory(filter: HistoryFilter) {
  const { history } = useRealtime();
  const queries = useQueryClient();
  const pagesKey = [...historyPagesKey, filter] as const;

  const pages = useInfiniteQuery({
    queryKey: pagesKey,
    queryFn: ({ pageParam, signal }) => history.page({ filter, limit: pageSize, cursor: pageParam, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: HistoryPage) => page.nextCursor,
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 60_000,
  });
  const first = pages.isPlaceholderData ? undefined : pages.data?.pages[0];
  const head = useQuery({
    queryKey: [...historyHeadKey, filter],
    queryFn: ({ signal }) => history.page({ filter, limit: pageSize, signal }),
    enabled: first !== undefined,
    ...(first === undefined ? {} : { initialData: first }),
    gcTime: 0,
  });

  const events = useMemo(() => distinct(pages.data?.pages ?? []), [pages.data]);
  const newer = useMemo(() => newerThan(events, head.data?.items ?? []), [events, head.data]);
  const showNewer = () => {
    const { data } = head;
    if (data !== undefined) queries.setQueryData<Pages>(pagesKey, { pages: [data], pageParams: [undefined] });
  };
  return { pages, events, newer, showNewer, archivedThrough: head.data?.archivedThrough };
}

/** All pages as one list. An event that two pages share, because something was written in between, stays once. */
export function distinct(pages: readonly HistoryPage[]): EventEnvelope[] {
  const known = new Set<string>();
  return pages.flatMap((page) => page.items.filter((event) => !known.has(event.id) && known.add(event.id)));
}

function newerThan(events: readonly EventEnvelope[], head: readonly EventEnvelope[]): number {
  const known = new Set(events.map((event) => event.id));
  const at = head.findIndex((event) => known.has(event.id));
  return at < 0 ? head.length : at;
}
