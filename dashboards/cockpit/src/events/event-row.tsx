import { moduleOf, severityOf, type Actor, type EventEnvelope } from "@slipstream/client";
import { Bot, ChevronRight, Cog, Server, User, type LucideIcon } from "lucide-react";
import { memo } from "react";
import { EventDetails } from "./event-details.tsx";
import { actorName, sentenceOf } from "./event-text.ts";
import { SeverityBadge } from "./severity.tsx";
import { exactTime } from "./time.ts";
import styles from "./events.module.css";

interface Props {
  readonly event: EventEnvelope;
  /** The event's time as it reads now. A text, so that a row renders again only when it changes. */
  readonly when: string;
  readonly expanded: boolean;
  readonly fresh: boolean;
  /** Whether Tab stops here; one row of a list has it. */
  readonly tabbable: boolean;
  readonly onToggle: (id: string) => void;
}

/** One event in one line; its button opens everything else. */
export const EventRow = memo(function EventRow({ event, when, expanded, fresh, tabbable, onToggle }: Props) {
  const severity = severityOf(event);
  const panel = `event-${event.id}`;
  return (
    <div className={styles.row} data-severity={severity} data-expanded={expanded} data-fresh={fresh}>
      <button
        type="button"
        className={styles.summary}
        data-row={event.id}
        tabIndex={tabbable ? 0 : -1}
        aria-expanded={expanded}
        aria-controls={expanded ? panel : undefined}
        onClick={() => onToggle(event.id)}
      >
        <SeverityBadge severity={severity} />
        <time className={styles.time} dateTime={event.timestamp} title={exactTime(event.timestamp)}>
          {when}
        </time>
        <SentenceText event={event} />
        <ActorText actor={event.actor} />
        <span className={styles.module}>
          <span className={styles.badge}>{moduleOf(event)}</span>
        </span>
        <ChevronRight size={15} aria-hidden className={styles.chevron} />
      </button>
      {expanded && (
        <div id={panel}>
          <EventDetails event={event} />
        </div>
      )}
    </div>
  );
});

function SentenceText({ event }: { readonly event: EventEnvelope }) {
  const { message, entityType, action, entity } = sentenceOf(event);
  return (
    <span className={styles.sentence}>
      {message === undefined ? (
        <>
          <span className={styles.entityType}>{entityType}</span> <span className={styles.action}>{action}</span>
        </>
      ) : (
        <span className={styles.message}>{message}</span>
      )}{" "}
      <span className={styles.entity} title={event.entityId}>
        {entity}
      </span>
    </span>
  );
}

const kinds: Readonly<Record<string, LucideIcon>> = { service: Server, agent: Bot, system: Cog };

function ActorText({ actor }: { readonly actor: Actor | null }) {
  const Icon = kinds[actor === null ? "system" : (actor.kind ?? "user")] ?? User;
  return (
    <span className={styles.actor} title={actor?.userId}>
      <Icon size={13} aria-hidden />
      <span className="sr-only">by </span>
      <span className={styles.actorName}>{actorName(actor)}</span>
    </span>
  );
}
