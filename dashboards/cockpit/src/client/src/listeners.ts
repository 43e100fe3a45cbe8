/** A set of callbacks. One that fails is reported and keeps nothing from the others. */
export class Listeners<Args extends readonly unknown[]> {
  readonly #callbacks = new Set<(...args: Args) => void>();

  /** Adds a callback; returns the way to remove it. */
  add(callback: (...args: Args) => void): () => void {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }

  tell(...args: Args): void {
    for (const callback of this.#callbacks) {
      try {
        callback(...args);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
