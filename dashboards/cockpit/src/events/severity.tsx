import { severities, type Severity } from "@slipstream/client";
import { CircleX, Info, OctagonAlert, TriangleAlert, type LucideIcon } from "lucide-react";
import components from "../components/components.module.css";
import styles from "./events.module.css";

const looks: Readonly<Record<Severity, { readonly icon: LucideIcon; readonly name: string }>> = {
  info: { icon: Info, name: "Info" },
  warning: { icon: TriangleAlert, name: "Warning" },
  error: { icon: CircleX, name: "Error" },
  critical: { icon: OctagonAlert, name: "Critical" },
};

/** A severity by shape, colour and word. */
export function SeverityBadge({ severity }: { readonly severity: Severity }) {
  const { icon: Icon, name } = looks[severity];
  return (
    <span className={styles.severity} data-severity={severity}>
      <Icon size={14} aria-hidden />
      <span className={styles.severityName}>{name}</span>
    </span>
  );
}

interface FilterProps {
  readonly value: readonly Severity[];
  readonly onChange: (value: Severity[]) => void;
}

/** Which severities to show; none chosen means all. */
export function SeverityFilter({ value, onChange }: FilterProps) {
  const toggle = (severity: Severity) =>
    onChange(severities.filter((one) => (one === severity ? !value.includes(one) : value.includes(one))));
  return (
    <div role="group" aria-label="Severity" className={`${components.segments} ${styles.severityFilter}`}>
      {severities.map((severity) => {
        const { icon: Icon, name } = looks[severity];
        return (
          <button
            key={severity}
            type="button"
            className={components.segment}
            aria-pressed={value.includes(severity)}
            title={name}
            onClick={() => toggle(severity)}
          >
            <Icon size={14} aria-hidden className={styles.severityIcon} data-severity={severity} />
            <span className={styles.severityFilterName}>{name}</span>
          </button>
        );
      })}
    </div>
  );
}

/** Reads a comma-separated list from the address bar; unknown words are dropped. */
export function severitiesOf(text: string | undefined): Severity[] {
  const words = new Set((text ?? "").split(","));
  return severities.filter((severity) => words.has(severity));
}
