import { useMemo } from "react";
import styles from "./events.module.css";

/** A value as indented JSON with coloured parts; scrolls by itself when it is long. */
export function JsonView({ value, label }: { readonly value: unknown; readonly label: string }) {
  const tokens = useMemo(() => tokensOf(JSON.stringify(value, null, 2)), [value]);
  return (
    // A scrolling region has to be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y-x/no-noninteractive-tabindex -- see above
    <pre className={styles.json} tabIndex={0} role="region" aria-label={label}>
      {tokens.map(({ kind, text }, index) =>
        kind === "plain" ? (
          text
        ) : (
          <span key={index} data-kind={kind}>
            {text}
          </span>
        ),
      )}
    </pre>
  );
}

interface Token {
  readonly kind: "plain" | "key" | "text" | "number" | "word";
  readonly text: string;
}

const pattern = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/g;

/** Splits JSON text into coloured and plain parts; together they are the text. */
export function tokensOf(json: string): Token[] {
  const tokens: Token[] = [];
  let from = 0;
  for (const match of json.matchAll(pattern)) {
    if (match.index > from) tokens.push({ kind: "plain", text: json.slice(from, match.index) });
    const [whole, quoted, colon] = match;
    if (quoted !== undefined) tokens.push({ kind: colon === undefined ? "text" : "key", text: quoted });
    else tokens.push({ kind: /^[tfn]/.test(whole) ? "word" : "number", text: whole });
    if (colon !== undefined) tokens.push({ kind: "plain", text: colon });
    from = match.index + whole.length;
  }
  return [...tokens, { kind: "plain", text: json.slice(from) }];
}
