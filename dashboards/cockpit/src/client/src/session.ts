/** Where the caller's token comes from. */
export interface Credentials {
  /** The token of now; undefined when there is none. */
  token(): string | undefined;
  /** Gets a new token, for example by a refresh cookie; undefined when the person has to sign in again. */
  refresh?(): Promise<string | undefined>;
}

/** Gives out the token and makes sure that several refusals of one token cause one refresh. */
export class Session {
  readonly #credentials: Credentials;
  #refreshing: Promise<boolean> | undefined;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  token(): string | undefined {
    return this.#credentials.token();
  }

  /**
   * Replaces a token that the server refused, or soon will. True when there is another one to try: also when somebody else
   * has replaced it meanwhile. A failure to reach the issuer counts as no token.
   */
  renew(refused: string | undefined): Promise<boolean> {
    const current = this.token();
    if (current !== undefined && current !== refused) return Promise.resolve(true);
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #refresh(): Promise<boolean> {
    try {
      return (await this.#credentials.refresh?.()) !== undefined;
    } catch {
      return false;
    }
  }
}

/** `Authorization` for a request. */
export function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { Authorization: `Bearer ${token}` };
}
