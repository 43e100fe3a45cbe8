/** How much attention an event asks for. */
export const severities = ["info", "warning", "error", "critical"] as const;
export type Severity = (typeof severities)[number];

/** Who did it. `onBehalfOf` is set when a service or an agent acted for a person. */
export interface Actor {
  readonly userId: string;
  readonly name?: string;
  readonly department?: string;
  readonly kind?: string;
  readonly onBehalfOf?: unknown;
}

/** One event as it travels on the stream and in history. Unknown extra fields are kept. */
export interface EventEnvelope {
  readonly id: string;
  readonly type: string;
  readonly entityType: string;
  readonly entityId: string;
  readonly action: string;
  /** RFC 3339; when it happened, not when it was stored. */
  readonly timestamp: string;
  readonly actor: Actor | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly tenantId?: string;
  readonly module?: string;
  readonly severity?: Severity;
  readonly category?: string;
  readonly visibility?: string;
  readonly entityName?: string;
  readonly message?: string;
  readonly correlationId?: string;
  readonly sourceId?: string;
  readonly batchId?: string;
  readonly legacy?: unknown;
}

/** Reads one envelope; undefined when the text is not JSON or lacks what every envelope has. */
export function parseEnvelope(text: string): EventEnvelope | undefined {
  const value = parseObject(text);
  return value !== undefined && isEnvelope(value) ? value : undefined;
}

/** Whether a decoded value carries the fields that every envelope must have. */
export function isEnvelope(value: unknown): value is EventEnvelope {
  if (!isRecord(value)) return false;
  const texts = ["id", "type", "entityType", "entityId", "action", "timestamp"];
  return texts.every((name) => typeof value[name] === "string") && isRecord(value["metadata"]);
}

/** The event's module: its own field, else the one in `metadata` (older servers), else the head of the type. */
export function moduleOf(event: EventEnvelope): string {
  const fromMetadata = event.metadata["module"];
  if (event.module !== undefined && event.module !== "") return event.module;
  if (typeof fromMetadata === "string" && fromMetadata !== "") return fromMetadata;
  return event.type.split(".", 1)[0] ?? "";
}

/** The event's severity; an absent or unknown one counts as `info`. */
export function severityOf(event: EventEnvelope): Severity {
  return severities.find((severity) => severity === event.severity) ?? "info";
}

/** Decodes a JSON object; undefined for anything else. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
