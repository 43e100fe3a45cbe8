import { createContext, use, useEffect, useId, useRef, useState, type ReactNode } from "react";
import styles from "./popover.module.css";

interface Props {
  /** What the panel is called for a screen reader. */
  readonly label: string;
  readonly buttonClass: string | undefined;
  readonly button: ReactNode;
  readonly children: ReactNode;
}

const Close = createContext<() => void>(() => undefined);

/** Closes the panel around it and puts the focus back on its button. */
export function useClosePopover(): () => void {
  return use(Close);
}

/** A button with a small panel under it. Escape, a click outside and leaving it by Tab close it. */
export function Popover({ label, buttonClass, button, children }: Props) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const trigger = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const id = useId();

  const close = () => {
    setOpen(false);
    trigger.current?.focus();
  };

  useEffect(() => {
    if (!open) return;
    panel.current?.focus();
    const outside = (event: PointerEvent) => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);

  return (
    // The keys and the focus of the panel's own controls bubble up to here; the element itself is no control.
    // eslint-disable-next-line jsx-a11y-x/no-static-element-interactions -- see above
    <div
      ref={root}
      className={styles.root}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        event.stopPropagation();
        close();
      }}
      onBlur={(event) => {
        if (event.relatedTarget instanceof Node && !root.current?.contains(event.relatedTarget)) setOpen(false);
      }}
    >
      <button
        ref={trigger}
        type="button"
        className={buttonClass}
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-haspopup="dialog"
        onClick={() => setOpen(!open)}
      >
        {button}
      </button>
      {open && (
        <div ref={panel} id={id} role="dialog" aria-label={label} tabIndex={-1} className={styles.panel}>
          <Close value={close}>{children}</Close>
        </div>
      )}
    </div>
  );
}
