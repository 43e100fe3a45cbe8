import styles from "./events.module.css";

const widths = [46, 62, 38, 54, 70, 44, 58, 36, 66, 50, 42, 60];

/** The shape of a list that is being read; the same heights as its rows, so that nothing moves when they come. */
export function EventSkeleton({ label }: { readonly label: string }) {
  return (
    <div className={styles.scroller}>
      <p role="status" className="sr-only">
        {label}
      </p>
      <div aria-hidden>
        {widths.map((width) => (
          <div key={width} className={`${styles.summary} ${styles.skeleton}`}>
            <span className={styles.bone} />
            <span className={styles.bone} />
            <span className={styles.bone} style={{ width: `${width}%` }} />
            <span className={styles.bone} />
            <span className={styles.bone} />
          </div>
        ))}
      </div>
    </div>
  );
}
