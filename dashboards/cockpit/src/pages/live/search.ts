import type { FeedFilter } from "../../events/event-text.ts";
import { severitiesOf } from "../../events/severity.tsx";

/** The live page's part of the address bar. */
export interface LiveSearch {
  readonly q?: string;
  readonly module?: string;
  /** Comma-separated. */
  readonly severity?: string;
}

/** Keeps what the page knows; everything else in the address is dropped. */
export function validateLiveSearch(search: Readonly<Record<string, unknown>>): LiveSearch {
  const text = (name: string) => (typeof search[name] === "string" && search[name] !== "" ? { [name]: search[name] } : {});
  return { ...text("q"), ...text("module"), ...text("severity") };
}

export function filterOf({ q, module, severity }: LiveSearch): FeedFilter {
  return { text: q ?? "", module: module ?? "", severity: severitiesOf(severity) };
}
