import { moduleOf, severityOf, type Actor, type EventEnvelope, type Severity } from "@slipstream/client";

/** The parts of an event's one-line sentence. */
export interface Sentence {
  /** The readable message, when the event has one. */
  readonly message: string | undefined;
  readonly entityType: string;
  readonly action: string;
  /** What it was about, in the shortest form that names it. */
  readonly entity: string;
}

export function sentenceOf(event: EventEnvelope): Sentence {
  const message = event.message?.trim();
  return {
    message: message === "" ? undefined : message,
    entityType: event.entityType,
    action: event.action,
    entity: event.entityName ?? shortId(event.entityId),
  };
}

/** The actor's name, else the readable end of the id. */
export function actorName(actor: Actor | null): string {
  if (actor === null || actor.userId === "") return actor?.name ?? "system";
  return actor.name ?? shortId(actor.userId);
}

/** The telling end of a structured id: the last part of an ARN or a path. Other ids stay whole. */
export function shortId(id: string): string {
  if (!/^arn:|\//.test(id)) return id;
  const [tail] = id
    .split(/[/:]/)
    .filter((part) => part !== "")
    .slice(-1);
  return tail ?? id;
}

/** Client-side filter of a feed. Empty parts filter nothing. */
export interface FeedFilter {
  readonly text: string;
  readonly module: string;
  readonly severity: readonly Severity[];
}

export function matches(event: EventEnvelope, { text, module, severity }: FeedFilter): boolean {
  if (module !== "" && moduleOf(event) !== module) return false;
  if (severity.length > 0 && !severity.includes(severityOf(event))) return false;
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  if (words.length === 0) return true;
  const searched = searchText(event);
  return words.every((word) => searched.includes(word));
}

const searchTexts = new WeakMap<EventEnvelope, string>();

function searchText(event: EventEnvelope): string {
  const known = searchTexts.get(event);
  if (known !== undefined) return known;
  const { type, entityId, entityName, message, actor, id, correlationId } = event;
  const text = [message, type, entityId, entityName, actor?.userId, actor?.name, id, correlationId]
    .filter(Boolean)
    .join(" ")
    .toLowerCase();
  searchTexts.set(event, text);
  return text;
}
