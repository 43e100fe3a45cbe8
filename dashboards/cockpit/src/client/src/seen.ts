/** Remembers the last `max` ids, so that an event delivered twice is shown once. */
export class SeenIds {
  readonly #max: number;
  readonly #ids = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  /** True when the id is new; it is remembered from then on, and the oldest is forgotten when the bound is reached. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > this.#max) this.#ids.delete(this.#ids.values().next().value ?? "");
    return true;
  }

  get size(): number {
    return this.#ids.size;
  }
}
