import { Search } from "lucide-react";
import { useEffect, useRef, useState, type ComponentProps } from "react";
import styles from "./components.module.css";

interface Props extends Omit<ComponentProps<"input">, "value" | "onChange"> {
  readonly value: string;
  /** Called when the typing pauses, on Enter, and on leaving the field. */
  readonly onCommit: (value: string) => void;
}

const pauseMs = 300;

/** A text field whose value is taken over when the typing pauses, so that the address bar and the server see words, not letters. */
export function TextField({ value, onCommit, className, ...rest }: Props) {
  const [draft, setDraft] = useState(value);
  const [known, setKnown] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  if (known !== value) {
    setKnown(value);
    setDraft(value);
  }
  useEffect(() => () => clearTimeout(timer.current), []);

  const commit = (text: string) => {
    clearTimeout(timer.current);
    if (text.trim() !== value) onCommit(text.trim());
  };
  return (
    <input
      {...rest}
      className={`${styles.field} ${className ?? ""}`}
      value={draft}
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => {
        const text = event.target.value;
        setDraft(text);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => commit(text), pauseMs);
      }}
      onBlur={() => commit(draft)}
      onKeyDown={(event) => {
        if (event.key === "Enter") commit(draft);
      }}
    />
  );
}

/** The page's main text filter; `/` anywhere on the page leads to it. */
export function SearchField({ className, ...rest }: Props) {
  const field = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
      event.preventDefault();
      field.current?.querySelector("input")?.focus();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);
  return (
    <div ref={field} className={`${styles.search} ${className ?? ""}`}>
      <Search size={14} aria-hidden />
      <TextField type="search" aria-keyshortcuts="/" {...rest} />
    </div>
  );
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");
}
