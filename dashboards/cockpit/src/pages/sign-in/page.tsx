import { useEffect, useState, type SubmitEvent } from "react";
import { Button } from "../../components/button.tsx";
import { Mark } from "../../shell/brand.tsx";
import { useSession, type Absence } from "../../session/session.tsx";
import styles from "./sign-in.module.css";

const absences: Readonly<Record<string, string>> = {
  signed_out: "You have signed out.",
  expired: "The token has expired. Sign in with a new one.",
  malformed: "That is not an access token. It has three parts with dots between them.",
  token_expired: "Your session has expired. Sign in again to go on where you were.",
  token_invalid: "The server does not accept this token.",
  access_revoked: "Your access was revoked. Ask an administrator if this is a surprise.",
  user_disabled: "Your account is disabled. Ask an administrator if this is a surprise.",
  user_inactive: "Your account is disabled. Ask an administrator if this is a surprise.",
  tenant_suspended: "This tenant is suspended.",
};

/** Takes an access token. Stands in for any page while nobody is signed in; the address stays, and is there afterwards. */
export function SignInPage() {
  const { absence, signIn } = useSession();
  const [token, setToken] = useState("");
  const [refused, setRefused] = useState<Absence>();
  useEffect(() => {
    document.title = "Sign in · Slipstream";
  }, []);

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    setRefused(signIn(token));
  };
  const shown = refused ?? absence;
  const bad = refused !== undefined;
  return (
    <main className={styles.page}>
      <form className={styles.card} onSubmit={submit} noValidate>
        <Mark size={40} />
        <h1>Sign in to Slipstream</h1>
        {shown !== "none" && (
          <p id="why" role={bad ? "alert" : "status"} className={styles.why} data-bad={bad}>
            {absences[shown] ?? `The session has ended: ${shown.replaceAll("_", " ")}.`}
          </p>
        )}
        <label className={styles.label} htmlFor="token">
          Access token
        </label>
        <input
          id="token"
          type="password"
          className={styles.token}
          value={token}
          autoComplete="off"
          spellCheck={false}
          aria-invalid={bad}
          aria-describedby="hint"
          placeholder="eyJhbGciOi…"
          onChange={(event) => setToken(event.target.value)}
        />
        <Button type="submit" look="primary" className={styles.submit} disabled={token.trim() === ""}>
          Sign in
        </Button>
        <p id="hint" className={styles.hint}>
          On a development machine, <code>slipstream dev</code> prints an address that signs you in, and{" "}
          <code>slipstream token mint</code> makes a token. The token stays in this browser tab.
        </p>
      </form>
    </main>
  );
}
