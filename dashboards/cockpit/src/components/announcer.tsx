import { useEffect, useRef, useState } from "react";

/** Time between two announcements: a screen reader hears a count now and then, not every row. */
const everyMs = 10_000;

/** Says how many new things came since it last spoke. `count` only grows. */
export function CountAnnouncer({ count, what }: { readonly count: number; readonly what: string }) {
  const [words, setWords] = useState("");
  const latest = useRef(count);
  const spoken = useRef(count);
  useEffect(() => {
    latest.current = count;
  }, [count]);
  useEffect(() => {
    const timer = setInterval(() => {
      const fresh = latest.current - spoken.current;
      spoken.current = latest.current;
      if (fresh > 0) setWords(`${fresh} new ${what}${fresh === 1 ? "" : "s"}`);
    }, everyMs);
    return () => clearInterval(timer);
  }, [what]);
  return (
    <p role="status" className="sr-only">
      {words}
    </p>
  );
}
