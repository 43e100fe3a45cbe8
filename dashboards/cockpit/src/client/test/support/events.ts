import type { EventEnvelope } from "../../src/index.ts";

/** An event with everything required; `n` makes it distinct and sets its place in time. */
export function eventOf(n: number, change: Partial<EventEnvelope> = {}): EventEnvelope {
  return {
    id: `event-${String(n).padStart(6, "0")}`,
    type: "cloudtrail.s3.get_bucket_policy",
    entityType: "cloudtrail.s3",
    entityId: "arn:aws:s3:::baker221b",
    action: "get_bucket_policy",
    timestamp: new Date(Date.UTC(2026, 0, 1) + n * 1_000).toISOString(),
    actor: { userId: "arn:aws:iam::123837392027:user/benjamin", name: "benjamin", kind: "user" },
    metadata: { module: "cloudtrail", amoId: "s3" },
    tenantId: "s3",
    module: "cloudtrail",
    severity: "info",
    ...change,
  };
}

export function eventsOf(from: number, to: number): EventEnvelope[] {
  return Array.from({ length: to - from + 1 }, (_, index) => eventOf(from + index));
}

export function idsOf(events: readonly EventEnvelope[]): string[] {
  return events.map((event) => event.id);
}

/** In-memory `Storage`, as far as the client uses it. */
export class MemoryStorage {
  readonly #values = new Map<string, string>();

  getItem(key: string): string | null {
    return this.#values.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#values.set(key, value);
  }

  removeItem(key: string): void {
    this.#values.delete(key);
  }

  keys(): string[] {
    return [...this.#values.keys()];
  }
}
