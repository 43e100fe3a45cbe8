import type { EventEnvelope } from "@slipstream/client";
import { defaultRangeExtractor, useVirtualizer, type Range, type VirtualItem } from "@tanstack/react-virtual";
import {
  useCallback,
  useEffect,
  useImperativeHandle,
  useRef,
  useState,
  type FocusEvent,
  type KeyboardEvent,
  type ReactNode,
  type Ref,
} from "react";
import { EventRow } from "./event-row.tsx";
import { relativeTime, useNow } from "./time.ts";
import styles from "./events.module.css";

/** What a page may ask of its list. */
export interface EventListHandle {
  toTop(): void;
}

interface Props {
  readonly events: readonly EventEnvelope[];
  readonly label: string;
  readonly expanded: ReadonlySet<string>;
  readonly onToggle: (id: string) => void;
  /** The group of an event; a heading stands above the first of each group. */
  readonly groupOf?: (event: EventEnvelope) => string;
  readonly isFresh?: (event: EventEnvelope) => boolean;
  /** The first row is out of sight, or back in it. */
  readonly onScrolled?: (scrolled: boolean) => void;
  /** The last rows are in sight. */
  readonly onNearEnd?: () => void;
  /** How many rows there are, when it is known. */
  readonly total?: number | undefined;
  readonly footer?: ReactNode;
  readonly ref?: Ref<EventListHandle>;
}

const rowHeightPx = 36;
const headingHeightPx = 34;
/** Rows before the end at which the next page is asked for. */
const nearEndRows = 15;

/** Events as a virtual list: only what is in sight is in the document. Arrow keys, Page, Home and End move between rows. */
export function EventList(props: Props) {
  const { events, label, expanded, onToggle, groupOf, isFresh, total, footer } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const nowMs = useNow("second");
  const [activeId, setActiveId] = useState<string>();
  const activeIndex = activeId === undefined ? -1 : events.findIndex((event) => event.id === activeId);

  const startsGroup = (index: number) => {
    const [event, before] = [events[index], events[index - 1]];
    return groupOf !== undefined && event !== undefined && (before === undefined || groupOf(before) !== groupOf(event));
  };

  // eslint-disable-next-line react-hooks/incompatible-library -- its values are used here only and passed to no memoised child
  const virtualizer = useVirtualizer({
    count: events.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => rowHeightPx + (startsGroup(index) ? headingHeightPx : 0),
    getItemKey: (index) => events[index]?.id ?? index,
    overscan: 12,
    // The row with the focus stays in the document, so that scrolling by mouse does not lose it.
    rangeExtractor: useCallback((range: Range) => withIndex(defaultRangeExtractor(range), activeIndex), [activeIndex]),
  });
  const items = virtualizer.getVirtualItems();
  useEdges(props, items, virtualizer.scrollOffset ?? 0);
  useImperativeHandle(props.ref, () => ({ toTop: () => virtualizer.scrollToOffset(0) }), [virtualizer]);

  const focusRow = (index: number) => {
    const event = events[index];
    if (event === undefined) return;
    setActiveId(event.id);
    virtualizer.scrollToIndex(index);
    focusSoon(scroller.current, event.id);
  };
  const remember = (event: FocusEvent<HTMLElement>) => {
    const id = event.target.closest("li")?.querySelector<HTMLElement>("[data-row]")?.dataset["row"];
    if (id !== undefined) setActiveId(id);
  };
  const move = (event: KeyboardEvent) => {
    const from = events.findIndex((one) => one.id === (event.target as HTMLElement).dataset["row"]);
    const to = from < 0 ? undefined : targetOf(event.key, from, events.length);
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    focusRow(Math.max(0, Math.min(events.length - 1, to)));
  };
  const tabbableIndex = activeIndex >= 0 ? activeIndex : (items[0]?.index ?? 0);
  const firstSeen = events[items.find((item) => item.end > (virtualizer.scrollOffset ?? 0))?.index ?? 0];

  return (
    <div ref={scroller} className={styles.scroller}>
      {groupOf !== undefined && firstSeen !== undefined && (
        <div className={styles.sticky} aria-hidden>
          <span>{groupOf(firstSeen)}</span>
        </div>
      )}
      {/* Only the rows' own buttons take the keys; the list moves the focus between them. */}
      {/* eslint-disable-next-line jsx-a11y-x/no-noninteractive-element-interactions -- see above */}
      <ul
        aria-label={label}
        className={styles.list}
        style={{ height: virtualizer.getTotalSize() }}
        onKeyDown={move}
        onFocus={remember}
      >
        {items.map((item) => {
          const event = events[item.index];
          if (event === undefined) return null;
          return (
            <li
              key={item.key}
              ref={virtualizer.measureElement}
              data-index={item.index}
              aria-posinset={item.index + 1}
              aria-setsize={total ?? -1}
              className={styles.item}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              {startsGroup(item.index) && <h2 className={styles.heading}>{groupOf?.(event)}</h2>}
              <EventRow
                event={event}
                when={relativeTime(event.timestamp, nowMs)}
                expanded={expanded.has(event.id)}
                fresh={isFresh?.(event) ?? false}
                tabbable={item.index === tabbableIndex}
                onToggle={onToggle}
              />
            </li>
          );
        })}
      </ul>
      {footer}
    </div>
  );
}

/** Tells the page when the first row leaves the sight and when the last ones come into it. */
function useEdges({ events, onScrolled, onNearEnd }: Props, items: readonly VirtualItem[], offset: number): void {
  const scrolled = offset > 4;
  useEffect(() => onScrolled?.(scrolled), [onScrolled, scrolled]);
  const last = items.at(-1)?.index ?? -1;
  const nearEnd = events.length > 0 && last >= events.length - nearEndRows;
  useEffect(() => {
    if (nearEnd) onNearEnd?.();
  }, [nearEnd, onNearEnd, events.length]);
}

const pageRows = 10;

function targetOf(key: string, from: number, count: number): number | undefined {
  const targets: Readonly<Record<string, number>> = {
    ArrowDown: from + 1,
    ArrowUp: from - 1,
    PageDown: from + pageRows,
    PageUp: from - pageRows,
    Home: 0,
    End: count - 1,
  };
  return targets[key];
}

function withIndex(indexes: number[], index: number): number[] {
  return index < 0 || indexes.includes(index) ? indexes : [...indexes, index].sort((a, b) => a - b);
}

/** The row may not be in the document yet: tries again for a few frames. */
function focusSoon(scroller: HTMLElement | null, id: string, framesLeft = 8): void {
  requestAnimationFrame(() => {
    const row = scroller?.querySelector<HTMLElement>(`[data-row="${CSS.escape(id)}"]`);
    if (row) row.focus({ preventScroll: true });
    else if (framesLeft > 0) focusSoon(scroller, id, framesLeft - 1);
  });
}
