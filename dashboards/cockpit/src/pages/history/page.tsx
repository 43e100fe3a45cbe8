import type { ArchivedThrough } from "@slipstream/client";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { FilterX, History } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Button } from "../../components/button.tsx";
import { EmptyState, FailedState } from "../../components/state.tsx";
import { EventList, type EventListHandle } from "../../events/event-list.tsx";
import { NewEventsPill } from "../../events/new-events-pill.tsx";
import { EventSkeleton } from "../../events/skeleton.tsx";
import { clockTime, exactTime, periodOf, relativeTime, useNow } from "../../events/time.ts";
import { useExpanded } from "../../events/use-expanded.ts";
import { pageSize } from "../../realtime/realtime.ts";
import { usePageTitle } from "../../shell/shell.tsx";
import page from "../page.module.css";
import { filterOf, type HistorySearch } from "./search.ts";
import { HistoryToolbar } from "./toolbar.tsx";
import { useHistory } from "./use-history.ts";

/** Everything that happened, newest first, page after page. */
export function HistoryPage() {
  usePageTitle("History");
  const search = useSearch({ from: "/history" });
  const key = JSON.stringify(search);
  const openedMs = useTimeOf(key);
  const filter = useMemo(() => filterOf(JSON.parse(key) as HistorySearch, openedMs), [key, openedMs]);
  const history = useHistory(filter);
  return (
    <div className={page.page}>
      <h1 className="sr-only">History</h1>
      <HistoryToolbar search={search} fact={<Archived through={history.archivedThrough} />} />
      <Body key={key} history={history} openedMs={openedMs} filtered={Object.keys(search).length > 0} />
    </div>
  );
}

/** When a view was opened: relative time ranges count from there, so that all pages of a list have the same bounds. */
function useTimeOf(key: string): number {
  const nowMs = useNow();
  const [opened, setOpened] = useState({ key, nowMs });
  if (opened.key !== key) setOpened({ key, nowMs });
  return opened.nowMs;
}

interface BodyProps {
  readonly history: ReturnType<typeof useHistory>;
  readonly openedMs: number;
  readonly filtered: boolean;
}

function Body({ history, openedMs, filtered }: BodyProps) {
  const { pages, events, newer, showNewer } = history;
  const { hasNextPage, isFetching, isFetchNextPageError, fetchNextPage } = pages;
  const [scrolled, setScrolled] = useState(false);
  const [expanded, toggle] = useExpanded();
  const list = useRef<EventListHandle>(null);

  const reading = scrolled || expanded.size > 0;
  useEffect(() => {
    if (newer > 0 && !reading) showNewer();
  });
  const readOn = useCallback(() => {
    if (hasNextPage && !isFetching && !isFetchNextPageError) void fetchNextPage();
  }, [hasNextPage, isFetching, isFetchNextPageError, fetchNextPage]);

  if (events.length === 0) {
    return (
      <div className={page.body}>
        <Nothing pages={pages} filtered={filtered} />
      </div>
    );
  }
  return (
    <div className={page.body} aria-busy={isFetching} data-outdated={pages.isPlaceholderData}>
      <NewEventsPill
        count={reading ? newer : 0}
        most={pageSize}
        onShow={() => {
          showNewer();
          list.current?.toTop();
        }}
      />
      <EventList
        ref={list}
        events={events}
        label="Events, newest first"
        expanded={expanded}
        onToggle={toggle}
        groupOf={(event) => periodOf(event.timestamp, openedMs)}
        onScrolled={setScrolled}
        onNearEnd={readOn}
        total={hasNextPage ? undefined : events.length}
        footer={<End more={hasNextPage} failed={isFetchNextPageError} onMore={() => void fetchNextPage()} />}
      />
    </div>
  );
}

function Nothing({ pages, filtered }: { readonly pages: ReturnType<typeof useHistory>["pages"]; readonly filtered: boolean }) {
  const navigate = useNavigate();
  if (pages.isPending) return <EventSkeleton label="Reading history" />;
  if (pages.error !== null) return <FailedState error={pages.error} onRetry={() => void pages.refetch()} />;
  if (!filtered) {
    return (
      <EmptyState icon={History} title="No history yet">
        Events are kept here from the moment they are archived.
      </EmptyState>
    );
  }
  const clear = <Button onClick={() => void navigate({ to: "/history", search: {} })}>Clear filters</Button>;
  return (
    <EmptyState icon={FilterX} title="No event matches" actions={clear}>
      Try a wider time range or fewer filters.
    </EmptyState>
  );
}

/** How fresh history is. */
function Archived({ through }: { readonly through: ArchivedThrough | undefined }) {
  const nowMs = useNow();
  if (through === undefined) return null;
  const { at } = through;
  const today = new Date(at).toDateString() === new Date(nowMs).toDateString();
  return (
    <span className={page.fact} title={`Everything up to ${exactTime(at)} is in history`}>
      Archived through {today ? clockTime(Date.parse(at)) : relativeTime(at, nowMs)}
    </span>
  );
}

function End({ more, failed, onMore }: { readonly more: boolean; readonly failed: boolean; readonly onMore: () => void }) {
  if (failed) {
    return (
      <p className={page.end} role="alert">
        The next page could not be read. <Button onClick={onMore}>Try again</Button>
      </p>
    );
  }
  return <p className={page.end}>{more ? "Reading on …" : "This is where the history begins."}</p>;
}
