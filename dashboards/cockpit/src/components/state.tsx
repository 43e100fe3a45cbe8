import type { ReactNode } from "react";
import { Problem } from "@slipstream/client";
import { CloudOff, Lock, type LucideIcon } from "lucide-react";
import { Button } from "./button.tsx";
import styles from "./components.module.css";

interface Props {
  readonly icon: LucideIcon;
  readonly title: string;
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
}

/** A whole list that has nothing to show: why, and what to do. */
export function EmptyState({ icon: Icon, title, children, actions }: Props) {
  return (
    <div className={styles.state}>
      <Icon size={28} strokeWidth={1.5} aria-hidden />
      <h2>{title}</h2>
      {children !== undefined && <p>{children}</p>}
      {actions !== undefined && <div className={styles.stateActions}>{actions}</div>}
    </div>
  );
}

/** A list that could not be read: no permission, a refused filter, or a server out of reach. */
export function FailedState({ error, onRetry }: { readonly error: Error; readonly onRetry: () => void }) {
  const problem = error instanceof Problem ? error : undefined;
  const retry = <Button onClick={onRetry}>Try again</Button>;
  if (problem?.status === 403) {
    return (
      <EmptyState icon={Lock} title="No permission" actions={retry}>
        Your role does not include the history of this tenant. Ask an administrator for access.
      </EmptyState>
    );
  }
  return (
    <div role="alert">
      <EmptyState
        icon={CloudOff}
        title={problem === undefined ? "The server cannot be reached" : "History could not be read"}
        actions={retry}
      >
        {problem === undefined ? "Check your connection; the page goes on by itself when it is back." : problem.message}
        {problem?.requestId !== undefined && (
          <>
            <br />
            <span className={styles.code}>Request {problem.requestId}</span>
          </>
        )}
      </EmptyState>
    </div>
  );
}
