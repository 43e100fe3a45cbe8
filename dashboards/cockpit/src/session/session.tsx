import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from "react";
import { forgetCursors } from "@slipstream/client";
import { accountOf, type Account, type Unusable } from "./claims.ts";
import { rememberToken, takeTokenFromAddress } from "./token.ts";

/** Why nobody is signed in: `signed_out` by the person, an unusable token, or the server's own word. */
export type Absence = "none" | "signed_out" | Unusable | (string & {});

export interface SessionState {
  readonly account: Account | undefined;
  readonly absence: Absence;
  /** Begins a session; returns why it cannot. */
  readonly signIn: (token: string) => Unusable | undefined;
  readonly signOut: () => void;
  /** The server does not accept the caller any longer. */
  readonly end: (reason: string) => void;
}

const Context = createContext<SessionState | undefined>(undefined);

export function useSession(): SessionState {
  const session = use(Context);
  if (session === undefined) throw new Error("useSession needs a SessionProvider above it");
  return session;
}

/** The account of a page inside a session. */
export function useAccount(): Account {
  const { account } = useSession();
  if (account === undefined) throw new Error("useAccount is for signed-in pages");
  return account;
}

export function SessionProvider({ token, children }: { readonly token: string | undefined; readonly children: ReactNode }) {
  const [state, setState] = useState(() => stateOf(token));

  const signIn = useCallback((candidate: string) => {
    const next = stateOf(candidate.trim());
    if (next.account === undefined) return next.absence as Unusable;
    rememberToken(sessionStorage, next.account.token);
    setState(next);
    return undefined;
  }, []);

  const end = useCallback((reason: string) => {
    rememberToken(sessionStorage, undefined);
    setState({ account: undefined, absence: reason });
  }, []);

  const signOut = useCallback(() => end("signed_out"), [end]);

  // A link with a token that is opened in this very tab changes the fragment only: no page is loaded.
  useEffect(() => {
    const take = () => {
      const arrived = takeTokenFromAddress();
      if (arrived !== undefined) signIn(arrived);
    };
    window.addEventListener("hashchange", take);
    return () => window.removeEventListener("hashchange", take);
  }, [signIn]);

  // After the commit, because the stream that it ends writes its position once more.
  useEffect(() => {
    if (state.absence === "signed_out") forgetCursors(localStorage);
  }, [state.absence]);

  const value = useMemo(() => ({ ...state, signIn, signOut, end }), [state, signIn, signOut, end]);
  return <Context value={value}>{children}</Context>;
}

function stateOf(token: string | undefined): Pick<SessionState, "account" | "absence"> {
  if (token === undefined) return { account: undefined, absence: "none" };
  const account = accountOf(token, Date.now());
  return typeof account === "string" ? { account: undefined, absence: account } : { account, absence: "none" };
}
