import { useSyncExternalStore } from "react";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const dayOfYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const dayWithYear = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});
const exactLocal = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** How long ago, in the shortest form; a date when it is over a week. */
export function relativeTime(timestamp: string, nowMs: number): string {
  const at = Date.parse(timestamp);
  if (Number.isNaN(at)) return timestamp;
  const agoMs = nowMs - at;
  if (agoMs < 7 * dayMs) return `${ago(agoMs)}${agoMs < 5_000 ? "" : " ago"}`;
  const sameYear = new Date(at).getFullYear() === new Date(nowMs).getFullYear();
  return (sameYear ? dayOfYear : dayWithYear).format(at);
}

/** A length of time in its largest unit: `now`, `12 s`, `5 min`, `3 h`, `2 d`. */
export function ago(ms: number): string {
  if (ms < 5_000) return "now";
  if (ms < minuteMs) return `${Math.floor(ms / 1_000)} s`;
  if (ms < hourMs) return `${Math.floor(ms / minuteMs)} min`;
  if (ms < dayMs) return `${Math.floor(ms / hourMs)} h`;
  return `${Math.floor(ms / dayMs)} d`;
}

/** The full local time, for a tooltip. */
export function exactTime(timestamp: string): string {
  const at = Date.parse(timestamp);
  return Number.isNaN(at) ? timestamp : exactLocal.format(at);
}

export function clockTime(at: number): string {
  return clock.format(at);
}

export type Period = "Today" | "This week" | "This month" | "Older";

/** The part of the calendar, in local time, that an event belongs to. Weeks begin on Monday. */
export function periodOf(timestamp: string, nowMs: number): Period {
  const at = Date.parse(timestamp);
  const today = new Date(nowMs);
  today.setHours(0, 0, 0, 0);
  if (at >= today.getTime()) return "Today";
  const week = new Date(today);
  week.setDate(today.getDate() - ((today.getDay() + 6) % 7));
  if (at >= week.getTime()) return "This week";
  return at >= new Date(today.getFullYear(), today.getMonth(), 1).getTime() ? "This month" : "Older";
}

/** The time of now, renewed about every second or every ten; all users of a pace share one timer. */
export function useNow(pace: "second" | "ten-seconds" = "ten-seconds"): number {
  const ticker = tickers[pace];
  return useSyncExternalStore(ticker.subscribe, ticker.now);
}

function tickerOf(everyMs: number) {
  const listeners = new Set<() => void>();
  let nowMs = Date.now();
  let timer: ReturnType<typeof setInterval> | undefined;
  const tick = () => {
    nowMs = Date.now();
    for (const listener of listeners) listener();
  };
  return {
    now: () => nowMs,
    subscribe: (listener: () => void) => {
      listeners.add(listener);
      if (timer === undefined) {
        timer = setInterval(tick, everyMs);
        queueMicrotask(tick);
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
  };
}

const tickers = { second: tickerOf(1_000), "ten-seconds": tickerOf(10_000) };
