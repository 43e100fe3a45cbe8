import type { KeyValueStorage } from "@slipstream/client";

const storageKey = "slipstream.token";

/** Where a token can arrive: `/#token=…` from `slipstream dev`, `/?token=…` from older links. */
export interface Arrival {
  readonly token: string;
  /** The address without it. */
  readonly cleaned: string;
}

/** The token in an address, and the address without it; undefined when there is none. */
export function tokenInAddress(href: string): Arrival | undefined {
  const url = new URL(href);
  const fragment = new URLSearchParams(url.hash.replace(/^#\/?/, ""));
  const token = fragment.get("token") ?? url.searchParams.get("token");
  if (token === null || token === "") return undefined;
  fragment.delete("token");
  url.searchParams.delete("token");
  url.hash = fragment.size === 0 ? "" : fragment.toString();
  return { token, cleaned: `${url.pathname}${url.search}${url.hash}` };
}

/** Takes a token out of the address bar at once, so that it is not in history, bookmarks or screenshots. */
export function takeTokenFromAddress(): string | undefined {
  const arrival = tokenInAddress(window.location.href);
  if (arrival !== undefined) window.history.replaceState(null, "", arrival.cleaned);
  return arrival?.token;
}

export function rememberedToken(storage: KeyValueStorage): string | undefined {
  try {
    return storage.getItem(storageKey) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps the token for reloads of this tab; undefined forgets it. */
export function rememberToken(storage: KeyValueStorage, token: string | undefined): void {
  try {
    if (token === undefined) storage.removeItem(storageKey);
    else storage.setItem(storageKey, token);
  } catch {
    // Storage is denied: the person signs in again after a reload.
  }
}
