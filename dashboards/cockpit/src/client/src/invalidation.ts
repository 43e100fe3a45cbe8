import type { EventEnvelope } from "./envelope.ts";
import { invalidateQuietMs, invalidateWaitMaxMs } from "./limits.ts";
import { declarations, defaultQueryKeys } from "./registry.generated.ts";

const keysOfType = new Map<string, readonly string[]>(declarations.map((one) => [one.type, one.queryKeys]));
const keysOfEntityType = mergedByEntityType();

/** Every key that any event refreshes: what has to be read again after a `reset`. */
export const targetedKeys: readonly string[] = [
  ...new Set([...defaultQueryKeys, ...declarations.flatMap((one) => one.queryKeys), "entity-history"]),
];

/**
 * The query keys that an event makes out of date: those of its type, else of its entity type, else the default; and always
 * the history of its entity. A key means all its sub-keys.
 */
export function queryKeysOf(event: EventEnvelope): string[] {
  const keys = keysOfType.get(event.type) ?? keysOfEntityType.get(event.entityType) ?? defaultQueryKeys;
  return [...keys, `entity-history:${event.entityType}:${event.entityId}`];
}

export interface InvalidatorOptions {
  /** Gets the merged keys of a burst, each once. */
  readonly refresh: (keys: readonly string[]) => void;
  readonly quietMs?: number;
  readonly waitMaxMs?: number;
}

/** Collects the keys of a burst of events and refreshes each once, when the burst pauses or has lasted too long. */
export class Invalidator {
  readonly #refresh: (keys: readonly string[]) => void;
  readonly #quietMs: number;
  readonly #waitMaxMs: number;
  readonly #keys = new Set<string>();
  #since = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: InvalidatorOptions) {
    this.#refresh = options.refresh;
    this.#quietMs = options.quietMs ?? invalidateQuietMs;
    this.#waitMaxMs = options.waitMaxMs ?? invalidateWaitMaxMs;
  }

  add(events: readonly EventEnvelope[]): void {
    this.addKeys(events.flatMap(queryKeysOf));
  }

  addKeys(keys: readonly string[]): void {
    if (keys.length === 0) return;
    if (this.#keys.size === 0) this.#since = Date.now();
    for (const key of keys) this.#keys.add(key);
    const leftMs = this.#since + this.#waitMaxMs - Date.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), Math.max(0, Math.min(this.#quietMs, leftMs)));
  }

  /** Continuity was lost: everything that events refresh is read again, with the next burst. */
  reset(): void {
    this.addKeys(targetedKeys);
  }

  /** Refreshes what has been collected now. */
  flush(): void {
    clearTimeout(this.#timer);
    const keys = [...this.#keys];
    this.#keys.clear();
    if (keys.length > 0) this.#refresh(keys);
  }

  /** Drops what has been collected. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#keys.clear();
  }
}

function mergedByEntityType(): ReadonlyMap<string, readonly string[]> {
  const merged = new Map<string, Set<string>>();
  for (const { entityType, queryKeys } of declarations) {
    const keys = merged.get(entityType) ?? new Set();
    for (const key of queryKeys) keys.add(key);
    merged.set(entityType, keys);
  }
  return new Map([...merged].map(([entityType, keys]) => [entityType, [...keys]]));
}
