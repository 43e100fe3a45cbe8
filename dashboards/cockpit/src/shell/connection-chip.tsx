import { useConnection } from "@slipstream/client/react";
import { RefreshCw, RotateCw } from "lucide-react";
import { Button } from "../components/button.tsx";
import { Popover, useClosePopover } from "../components/popover.tsx";
import { ago, clockTime, useNow } from "../events/time.ts";
import { useRealtime } from "../realtime/provider.tsx";
import { reasonText, statusNames, statusSentences } from "./connection-text.ts";
import styles from "./connection-chip.module.css";

/** How the stream is doing, always visible, with the details and the two remedies one click away. */
export function ConnectionChip() {
  const { stream } = useRealtime();
  const connection = useConnection(stream);
  const nowMs = useNow("second");
  const { status, heardAt } = connection;
  const age = heardAt === undefined ? "" : ago(nowMs - heardAt);
  const name = statusNames[status];
  return (
    <>
      <Popover
        label="Connection"
        buttonClass={styles.chip}
        button={
          <span className={styles.face} data-status={status}>
            <span className={styles.dot} />
            <span className="sr-only">Connection: </span>
            {name}
            {/* Not text, so that a screen reader does not hear the button's name change every second. */}
            <span className={styles.age} data-age={age} />
          </span>
        }
      >
        <div className={styles.panel}>
          <div>
            <h2>{name}</h2>
            <p className={styles.sentence}>{statusSentences[status]}</p>
          </div>
          <Facts nowMs={nowMs} />
          <Remedies />
        </div>
      </Popover>
      <span role="status" className="sr-only">
        {status === "connecting" ? "" : `Connection: ${name}`}
      </span>
    </>
  );
}

function Remedies() {
  const { stream, refreshAll } = useRealtime();
  const close = useClosePopover();
  const doAndClose = (remedy: () => void) => () => {
    remedy();
    close();
  };
  return (
    <div className={styles.actions}>
      <Button onClick={doAndClose(refreshAll)}>
        <RotateCw size={14} aria-hidden /> Refresh data
      </Button>
      <Button onClick={doAndClose(() => stream.sync())}>
        <RefreshCw size={14} aria-hidden /> Sync now
      </Button>
    </div>
  );
}

function Facts({ nowMs }: { readonly nowMs: number }) {
  const connection = useConnection(useRealtime().stream);
  const { heardAt, retryAt, received, replayed } = connection;
  const reason = reasonText(connection);
  const facts: readonly (readonly [string, string | undefined])[] = [
    [
      "Last update",
      heardAt === undefined
        ? "none yet"
        : `${clockTime(heardAt)} · ${ago(nowMs - heardAt)}${nowMs - heardAt < 5_000 ? "" : " ago"}`,
    ],
    ["Events received", received.toLocaleString("en")],
    ["Replayed at last resume", replayed === 0 ? undefined : replayed.toLocaleString("en")],
    ["Reason", reason],
    ["Next attempt", retryAt === undefined ? undefined : `in ${Math.max(0, Math.ceil((retryAt - nowMs) / 1_000))} s`],
  ];
  return (
    <dl className={styles.facts}>
      {facts.map(([name, value]) =>
        value === undefined ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}
