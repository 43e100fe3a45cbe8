interface Waiting {
  readonly grant: () => void;
}

/** The part of the Web Locks API that a shared stream uses, for Node: exclusive locks, `signal` and `steal`. */
export class Locks {
  readonly #held = new Map<string, { steal: (reason: unknown) => void }>();
  readonly #waiting = new Map<string, Waiting[]>();

  readonly request = (async (name: string, options: LockOptions, run: () => Promise<void>): Promise<void> => {
    if (options.steal === true) this.#held.get(name)?.steal(new DOMException("stolen", "AbortError"));
    else if (this.#held.has(name)) await this.#wait(name, options.signal);
    await this.#hold(name, run);
  }) as LockManager["request"];

  #wait(name: string, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((grant, reject) => {
      const waiting = { grant };
      const queue = this.#waiting.get(name) ?? [];
      this.#waiting.set(name, [...queue, waiting]);
      signal?.addEventListener("abort", () => {
        this.#waiting.set(
          name,
          (this.#waiting.get(name) ?? []).filter((one) => one !== waiting),
        );
        reject(new DOMException("aborted", "AbortError"));
      });
    });
  }

  async #hold(name: string, run: () => Promise<void>): Promise<void> {
    let held: { steal: (reason: unknown) => void } = { steal: () => undefined };
    const stolen = new Promise<never>((_, steal) => (held = { steal }));
    this.#held.set(name, held);
    try {
      await Promise.race([run(), stolen]);
    } finally {
      if (this.#held.get(name) === held) {
        this.#held.delete(name);
        this.#waiting.get(name)?.shift()?.grant();
      }
    }
  }
}
