import { LogOut } from "lucide-react";
import { Button } from "../components/button.tsx";
import { Popover } from "../components/popover.tsx";
import { clockTime, exactTime } from "../events/time.ts";
import type { Account } from "../session/claims.ts";
import { useAccount, useSession } from "../session/session.tsx";
import { ThemeSwitch } from "./theme-switch.tsx";
import styles from "./shell.module.css";

/** Who is signed in, until when, the theme, and the way out. */
export function UserMenu() {
  const account = useAccount();
  const { signOut } = useSession();
  return (
    <Popover
      label="Account and settings"
      buttonClass={styles.avatar}
      button={
        <>
          {initials(account.name)}
          <span className="sr-only"> · Account and settings of {account.name}</span>
        </>
      }
    >
      <div className={styles.menu}>
        <div>
          <h2 className={styles.clip}>{account.name}</h2>
          {account.name !== account.user && <p className={styles.userId}>{account.user}</p>}
        </div>
        <Facts account={account} />
        <ThemeSwitch />
        <Button onClick={signOut}>
          <LogOut size={14} aria-hidden /> Sign out
        </Button>
      </div>
    </Popover>
  );
}

function Facts({ account }: { readonly account: Account }) {
  return (
    <dl className={styles.facts}>
      <div>
        <dt>Tenant</dt>
        <dd>{account.tenant ?? "none"}</dd>
      </div>
      {account.roles.length > 0 && (
        <div>
          <dt>{account.roles.length === 1 ? "Role" : "Roles"}</dt>
          <dd>{account.roles.join(", ")}</dd>
        </div>
      )}
      {account.expiresAt !== undefined && (
        <div>
          <dt>Session until</dt>
          <dd title={exactTime(new Date(account.expiresAt).toISOString())}>{until(account.expiresAt)}</dd>
        </div>
      )}
    </dl>
  );
}

function until(at: number): string {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  return today ? clockTime(at) : dateAndTime.format(at);
}

const dateAndTime = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** Two letters that stand for a name, an e-mail address or an id. */
export function initials(name: string): string {
  const words = name
    .replace(/@.*/, "")
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "");
  const [first = "?", second] = words;
  return (second === undefined ? first.slice(0, 2) : `${first[0] ?? ""}${second[0] ?? ""}`).toUpperCase();
}
