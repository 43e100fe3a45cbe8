import { useId } from "react";
import { Monitor, Moon, Sun } from "lucide-react";
import { themes, useTheme } from "../theme/theme.ts";
import styles from "../components/components.module.css";
import own from "./shell.module.css";

const looks = {
  light: { icon: Sun, name: "Light" },
  dark: { icon: Moon, name: "Dark" },
  system: { icon: Monitor, name: "System" },
} as const;

/** Light, dark or the system's choice, as one group of radio buttons; `compact` shows the icons only. */
export function ThemeSwitch({ compact = false }: { readonly compact?: boolean }) {
  const [theme, setTheme] = useTheme();
  const group = useId();
  return (
    <fieldset className={`${own.themes} ${compact ? own.wideOnly : own.narrowOnly}`}>
      <legend className={compact ? "sr-only" : own.menuLabel}>Theme</legend>
      <div className={styles.segments}>
        {themes.map((one) => {
          const { icon: Icon, name } = looks[one];
          return (
            <label key={one} className={styles.segment} title={compact ? `${name} theme` : undefined}>
              <input type="radio" name={group} className="sr-only" checked={theme === one} onChange={() => setTheme(one)} />
              <Icon size={14} aria-hidden />
              <span className={compact ? "sr-only" : undefined}>{name}</span>
            </label>
          );
        })}
      </div>
    </fieldset>
  );
}
