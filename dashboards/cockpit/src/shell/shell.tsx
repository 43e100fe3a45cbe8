import { Link, Outlet } from "@tanstack/react-router";
import { Activity, History } from "lucide-react";
import { useEffect } from "react";
import { useAccount } from "../session/session.tsx";
import { Mark } from "./brand.tsx";
import { ConnectionChip } from "./connection-chip.tsx";
import { ThemeSwitch } from "./theme-switch.tsx";
import { UserMenu } from "./user-menu.tsx";
import styles from "./shell.module.css";

/** The frame of every signed-in page: skip link, header, and the page as the main landmark. */
export function Shell() {
  return (
    <div className={styles.shell}>
      <a
        className={styles.skip}
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        Skip to content
      </a>
      <Header />
      <main id="main" tabIndex={-1} className={styles.main}>
        <Outlet />
      </main>
    </div>
  );
}

function Header() {
  const { tenant } = useAccount();
  return (
    <header className={styles.header}>
      <Link to="/live" className={styles.brand} aria-label="Slipstream, live feed">
        <Mark />
        <span className={styles.brandName}>Slipstream</span>
      </Link>
      <nav aria-label="Main" className={styles.nav}>
        <Link to="/live" className={styles.tab}>
          <Activity size={15} aria-hidden /> Live
        </Link>
        <Link to="/history" className={styles.tab}>
          <History size={15} aria-hidden /> History
        </Link>
      </nav>
      <div className={styles.side}>
        <span className={styles.tenant} title="Tenant">
          <span className="sr-only">Tenant </span>
          {tenant ?? "no tenant"}
        </span>
        <ConnectionChip />
        <ThemeSwitch compact />
        <UserMenu />
      </div>
    </header>
  );
}

/** Names the page in the browser's tab and history. */
export function usePageTitle(title: string): void {
  const { tenant } = useAccount();
  useEffect(() => {
    document.title = [title, tenant, "Slipstream"].filter(Boolean).join(" · ");
  }, [title, tenant]);
}
