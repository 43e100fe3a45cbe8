import { moduleOf, type EventEnvelope } from "@slipstream/client";
import { useConnection, useFeed } from "@slipstream/client/react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Activity, FilterX, TriangleAlert } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { CountAnnouncer } from "../../components/announcer.tsx";
import { Button } from "../../components/button.tsx";
import components from "../../components/components.module.css";
import { EmptyState } from "../../components/state.tsx";
import { EventList, type EventListHandle } from "../../events/event-list.tsx";
import { matches } from "../../events/event-text.ts";
import { NewEventsPill } from "../../events/new-events-pill.tsx";
import { EventSkeleton } from "../../events/skeleton.tsx";
import { useExpanded } from "../../events/use-expanded.ts";
import { useRealtime } from "../../realtime/provider.tsx";
import { seedQuery } from "../../realtime/realtime.ts";
import { usePageTitle } from "../../shell/shell.tsx";
import page from "../page.module.css";
import { ResetNotice } from "./reset-notice.tsx";
import { filterOf } from "./search.ts";
import { LiveToolbar } from "./toolbar.tsx";
import { useAttention } from "./use-attention.ts";
import { useHeld } from "./use-held.ts";

/** How long an arrived row is marked as new. */
const freshMs = 1_400;

/** The live feed: what the stream brings, above the newest of history. */
export function LivePage() {
  usePageTitle("Live");
  const { stream } = useRealtime();
  const { received } = useConnection(stream);
  const search = useSearch({ from: "/live" });
  const { events, seed } = useFeedWithSeed();
  const isFresh = useFreshness();
  const [paused, setPaused] = useState(false);
  const [scrolled, setScrolled] = useState(false);
  const [expanded, toggle] = useExpanded();
  const attention = useAttention();
  const list = useRef<EventListHandle>(null);

  const filterKey = JSON.stringify(search);
  const filtered = useMemo(() => {
    const filter = filterOf(search);
    return events.filter((event) => matches(event, filter));
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the key stands for the search, which is a new object each time
  }, [events, filterKey]);
  const reading = paused || scrolled || expanded.size > 0 || attention.typing;
  const { shown, waiting, release } = useHeld(filtered, reading || attention.pointing, filterKey);
  const modules = useMemo(() => [...new Set(events.map(moduleOf))].sort(), [events]);

  const showNew = () => {
    setPaused(false);
    release();
    list.current?.toTop();
  };

  return (
    <div className={page.page}>
      <h1 className="sr-only">Live feed</h1>
      <div>
        <LiveToolbar
          search={search}
          modules={modules}
          fact={factOf(filtered.length, events.length)}
          paused={paused}
          onPause={setPaused}
        />
        <ResetNotice />
        {seed.isError && <SeedNotice onRetry={() => void seed.refetch()} />}
      </div>
      <div className={page.body} {...attention.handlers}>
        <NewEventsPill count={reading ? waiting : 0} onShow={showNew} />
        {shown.length > 0 ? (
          <EventList
            ref={list}
            events={shown}
            label="Live events, newest first"
            expanded={expanded}
            onToggle={toggle}
            isFresh={isFresh}
            onScrolled={setScrolled}
            total={shown.length}
            footer={<End />}
          />
        ) : (
          <Nothing loading={seed.isLoading} filtered={events.length > 0} />
        )}
      </div>
      <CountAnnouncer count={received} what="event" />
    </div>
  );
}

/** The session's feed, filled up with the newest page of history. */
function useFeedWithSeed() {
  const { feed, history } = useRealtime();
  const { arrived, earlier } = useFeed(feed);
  const seed = useQuery(seedQuery(history));
  const items = seed.data?.items;
  useEffect(() => {
    if (items !== undefined) feed.addHistory(items);
  }, [feed, items]);
  const events = useMemo(() => [...arrived, ...earlier], [arrived, earlier]);
  return { events, seed };
}

/** Marks rows that have arrived a moment ago on the stream, and not those of a replay. */
function useFreshness(): (event: EventEnvelope) => boolean {
  const { stream } = useRealtime();
  const [arrivals] = useState(() => new WeakMap<EventEnvelope, number>());
  useEffect(
    () =>
      stream.onEvents((events, replay) => {
        if (!replay) for (const event of events) arrivals.set(event, performance.now());
      }),
    [stream, arrivals],
  );
  return (event) => performance.now() - (arrivals.get(event) ?? -Infinity) < freshMs;
}

function factOf(shown: number, all: number): string {
  if (all === 0) return "";
  const text = (count: number) => count.toLocaleString("en");
  return shown === all ? `${text(all)} events` : `${text(shown)} of ${text(all)} events`;
}

function SeedNotice({ onRetry }: { readonly onRetry: () => void }) {
  return (
    <div className={components.notice} role="status">
      <TriangleAlert size={16} aria-hidden />
      <p>Earlier events could not be read from history. New events still appear here.</p>
      <Button onClick={onRetry}>Try again</Button>
    </div>
  );
}

function Nothing({ loading, filtered }: { readonly loading: boolean; readonly filtered: boolean }) {
  const navigate = useNavigate();
  if (loading) return <EventSkeleton label="Reading the newest events" />;
  if (!filtered) {
    return (
      <EmptyState icon={Activity} title="Waiting for events">
        Nothing has happened in this tenant yet. Events appear here the moment they do.
      </EmptyState>
    );
  }
  const clear = <Button onClick={() => void navigate({ to: "/live", search: {}, replace: true })}>Clear filters</Button>;
  return (
    <EmptyState icon={FilterX} title="No event matches" actions={clear}>
      New events that match appear here the moment they happen.
    </EmptyState>
  );
}

function End() {
  return (
    <p className={page.end}>
      <span>
        Older events are in the <Link to="/history">history</Link>.
      </span>
    </p>
  );
}
