import { isRecord } from "@slipstream/client";

/** What the page shows about the caller. Read from the token for display only; the server decides what the caller may do. */
export interface Account {
  readonly token: string;
  /** Undefined for a token that is bound to no tenant. */
  readonly tenant: string | undefined;
  readonly user: string;
  readonly name: string;
  readonly roles: readonly string[];
  /** Unix milliseconds; undefined for a token without an end. */
  readonly expiresAt: number | undefined;
}

/** Why a text cannot be used as a token. */
export type Unusable = "malformed" | "expired";

/** Reads the claims of a JWT, in the spellings of our own tokens and of the products'. */
export function accountOf(token: string, nowMs: number): Account | Unusable {
  const claims = claimsOf(token);
  if (claims === undefined) return "malformed";
  const expiresAt = typeof claims["exp"] === "number" ? claims["exp"] * 1_000 : undefined;
  if (expiresAt !== undefined && expiresAt <= nowMs) return "expired";
  const user = first(claims, ["sub", "user_id", "userId", "email"]) ?? "unknown";
  return {
    token,
    tenant: first(claims, ["tenant", "tenant_id", "tenantId", "amo_id", "account_id"]),
    user,
    name: first(claims, ["name", "preferred_username", "email", "user_email"]) ?? user,
    roles: rolesOf(claims),
    expiresAt,
  };
}

function claimsOf(token: string): Record<string, unknown> | undefined {
  const [, payload, signature] = token.split(".");
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isRecord(claims) ? claims : undefined;
  } catch {
    return undefined;
  }
}

function first(claims: Readonly<Record<string, unknown>>, names: readonly string[]): string | undefined {
  return names.map((name) => claims[name]).find((value): value is string => typeof value === "string" && value !== "");
}

function rolesOf(claims: Readonly<Record<string, unknown>>): string[] {
  return [claims["roles"], claims["role"], claims["user_role"]]
    .flat()
    .filter((role): role is string => typeof role === "string" && role !== "");
}
