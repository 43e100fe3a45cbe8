import { parseObject } from "./envelope.ts";

const keyPrefix = "slipstream.cursor:";

/** The part of `Storage` that a cursor needs; `localStorage` and `sessionStorage` fit. */
export type KeyValueStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** Whose position it is. A cursor is never shared between users, also not of one tenant: they may see different events. */
export interface Scope {
  readonly tenant: string;
  readonly user: string;
}

export interface CursorOptions {
  readonly storage: KeyValueStorage | undefined;
  readonly scope: Scope;
  /** Distinguishes streams with different filters of one user. */
  readonly variant?: string;
  readonly writeDelayMs: number;
  readonly ageMaxMs: number;
}

/**
 * The stream position of one user in one tenant: in memory at once, in storage a little later. A storage that refuses (private
 * mode, quota) only means that the next page load starts live.
 */
export class CursorMemory {
  readonly #options: CursorOptions;
  readonly #key: string;
  #cursor: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: CursorOptions) {
    this.#options = options;
    const parts = [options.scope.tenant, options.scope.user, options.variant ?? ""].map(encodeURIComponent);
    this.#key = `${keyPrefix}${parts.join(":")}`;
    this.#cursor = this.#read();
  }

  get current(): string | undefined {
    return this.#cursor;
  }

  /** Moves to a new position; an empty one is the server's way to say "forget". */
  advance(cursor: string): void {
    this.#cursor = cursor === "" ? undefined : cursor;
    this.#timer ??= setTimeout(() => this.flush(), this.#options.writeDelayMs);
  }

  forget(): void {
    this.#cursor = undefined;
    this.flush();
  }

  /** Writes the position to storage now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      if (this.#cursor === undefined) this.#options.storage?.removeItem(this.#key);
      else this.#options.storage?.setItem(this.#key, JSON.stringify({ cursor: this.#cursor, savedAt: Date.now() }));
    } catch {
      // See the class: the position in memory is what this page resumes with.
    }
  }

  #read(): string | undefined {
    try {
      const saved = parseObject(this.#options.storage?.getItem(this.#key) ?? "");
      const cursor = saved?.["cursor"];
      const age = Date.now() - Number(saved?.["savedAt"]);
      return typeof cursor === "string" && age <= this.#options.ageMaxMs ? cursor : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Erases every remembered position, for example at sign-out. */
export function forgetCursors(storage: Storage): void {
  for (const key of Object.keys(storage)) if (key.startsWith(keyPrefix)) storage.removeItem(key);
}
