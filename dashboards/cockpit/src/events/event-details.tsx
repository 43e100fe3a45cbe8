import { moduleOf, type EventEnvelope } from "@slipstream/client";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { CopyButton } from "../components/button.tsx";
import { JsonView } from "./json-view.tsx";
import { exactTime } from "./time.ts";
import styles from "./events.module.css";

/** Everything about one event: its fields with the ways to related events, and the JSON as it came. */
export function EventDetails({ event }: { readonly event: EventEnvelope }) {
  return (
    <div className={styles.details}>
      <div className={styles.detailsSide}>
        <Fields event={event} />
        <nav aria-label="Related events" className={styles.related}>
          <Link to="/history" search={{ entityType: event.entityType, entityId: event.entityId }}>
            History of this entity
          </Link>
          {event.actor !== null && event.actor.userId !== "" && (
            <Link to="/history" search={{ actor: event.actor.userId }}>
              Everything by this actor
            </Link>
          )}
          <Link to="/history" search={{ type: event.type }}>
            All of this type
          </Link>
        </nav>
      </div>
      <div className={styles.detailsJson}>
        <div className={styles.detailsBar}>
          <span>Event</span>
          <CopyButton text={JSON.stringify(event, null, 2)} label="Copy JSON" />
        </div>
        <JsonView value={event} label="Event as JSON" />
      </div>
    </div>
  );
}

function Fields({ event }: { readonly event: EventEnvelope }) {
  const { actor } = event;
  const fields: readonly (readonly [string, ReactNode])[] = [
    [
      "When",
      <time key="when" dateTime={event.timestamp}>
        {exactTime(event.timestamp)}
      </time>,
    ],
    ["Type", code(event.type)],
    [
      "Entity",
      event.entityName === undefined ? (
        code(event.entityId)
      ) : (
        <>
          {event.entityName} {code(event.entityId)}
        </>
      ),
    ],
    [
      "Actor",
      actor === null ? (
        "system"
      ) : (
        <>
          {actor.name} {code(actor.userId)}
        </>
      ),
    ],
    ["Kind", actor?.kind],
    ["Department", actor?.department],
    ["Module", moduleOf(event)],
    ["Category", event.category],
    ["Visible to", event.visibility],
    ["Correlation", code(event.correlationId)],
    ["Event id", code(event.id)],
  ];
  return (
    <dl className={styles.fields}>
      {fields.map(([name, value]) =>
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

function code(text: string | undefined): ReactNode {
  return text === undefined || text === "" ? undefined : <code>{text}</code>;
}
