import { ArrowUp } from "lucide-react";
import styles from "./pill.module.css";

/** Says that newer events wait above, and leads to them. */
export function NewEventsPill({
  count,
  most,
  onShow,
}: {
  readonly count: number;
  readonly most?: number;
  readonly onShow: () => void;
}) {
  if (count === 0) return null;
  const shown = most !== undefined && count >= most ? `${most}+` : count.toLocaleString("en");
  return (
    <div className={styles.place}>
      <button type="button" className={styles.pill} onClick={onShow}>
        <ArrowUp size={14} aria-hidden />
        {shown} new event{count === 1 ? "" : "s"}
      </button>
    </div>
  );
}
