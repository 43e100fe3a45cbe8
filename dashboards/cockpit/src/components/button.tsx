import type { ComponentProps } from "react";
import { Check, Copy } from "lucide-react";
import { useState } from "react";
import styles from "./components.module.css";

interface Props extends ComponentProps<"button"> {
  readonly look?: "plain" | "primary" | "quiet";
  /** A square button that shows an icon only; it needs an `aria-label`. */
  readonly icon?: boolean;
}

export function Button({ look = "plain", icon = false, className, type = "button", ...rest }: Props) {
  const classes = [styles.button, look !== "plain" && styles[look], icon && styles.icon, className];
  return <button type={type} className={classes.filter(Boolean).join(" ")} {...rest} />;
}

/** Copies a text and says so for a moment. */
export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () => {
    // Browsers offer the clipboard in secure contexts only; elsewhere the text can be selected by hand.
    void (navigator.clipboard as Clipboard | undefined)?.writeText(text).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 1_500);
    });
  };
  return (
    <Button look="quiet" onClick={copy}>
      {copied ? <Check size={14} aria-hidden className={styles.copied} /> : <Copy size={14} aria-hidden />}
      <span aria-live="polite">{copied ? "Copied" : label}</span>
    </Button>
  );
}
