import type { EventEnvelope } from "@slipstream/client";
import { useMemo, useState } from "react";

interface Held {
  readonly key: string;
  readonly events: readonly EventEnvelope[];
}

export interface HeldList {
  readonly shown: readonly EventEnvelope[];
  /** Events above the shown ones. */
  readonly waiting: number;
  /** Shows everything there is now, also while the list is still held. */
  readonly release: () => void;
}

/** Freezes a list while somebody reads it: rows do not move under the eye or the pointer. Another `key` is another list. */
export function useHeld(events: readonly EventEnvelope[], hold: boolean, key: string): HeldList {
  const [held, setHeld] = useState<Held>();
  const holding = hold && events.length > 0;
  if (holding && held?.key !== key) setHeld({ key, events });
  if (!holding && held !== undefined) setHeld(undefined);
  const shown = holding && held?.key === key ? held.events : events;
  const waiting = useMemo(() => countAbove(shown, events), [shown, events]);
  return { shown, waiting, release: () => setHeld(holding ? { key, events } : undefined) };
}

/** How many of `events` are above the first shown one; all new ones when that has fallen out. */
export function countAbove(shown: readonly EventEnvelope[], events: readonly EventEnvelope[]): number {
  if (shown === events) return 0;
  const first = shown[0]?.id;
  const at = events.findIndex((event) => event.id === first);
  if (at >= 0) return at;
  const known = new Set(shown.map((event) => event.id));
  return events.filter((event) => !known.has(event.id)).length;
}
