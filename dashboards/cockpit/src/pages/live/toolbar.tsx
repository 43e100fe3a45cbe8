import { useNavigate } from "@tanstack/react-router";
import { Pause, Play } from "lucide-react";
import { Button } from "../../components/button.tsx";
import components from "../../components/components.module.css";
import { SearchField } from "../../components/search-field.tsx";
import { SeverityFilter, severitiesOf } from "../../events/severity.tsx";
import page from "../page.module.css";
import { validateLiveSearch, type LiveSearch } from "./search.ts";

interface Props {
  readonly search: LiveSearch;
  /** Modules that the feed has seen. */
  readonly modules: readonly string[];
  readonly fact: string;
  readonly paused: boolean;
  readonly onPause: (paused: boolean) => void;
}

/** Filters of the live feed, its size, and the pause. */
export function LiveToolbar({ search, modules, fact, paused, onPause }: Props) {
  const navigate = useNavigate();
  const change = (part: Partial<Record<keyof LiveSearch, string>>) =>
    void navigate({ to: "/live", search: validateLiveSearch({ ...search, ...part }), replace: true });
  const { module = "" } = search;
  const options = modules.includes(module) || module === "" ? modules : [module, ...modules];
  return (
    <div role="search" aria-label="Live feed" className={page.toolbar}>
      <SearchField
        className={page.grow}
        aria-label="Filter by text"
        placeholder="Filter by text"
        value={search.q ?? ""}
        onCommit={(q) => change({ q })}
      />
      <select
        className={components.field}
        aria-label="Module"
        value={module}
        onChange={(event) => change({ module: event.target.value })}
      >
        <option value="">All modules</option>
        {options.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
      <SeverityFilter value={severitiesOf(search.severity)} onChange={(severity) => change({ severity: severity.join(",") })} />
      <span className={page.spacer} />
      <span className={`${page.fact ?? ""} ${page.wideText ?? ""}`}>{fact}</span>
      <Button aria-label={paused ? "Resume" : "Pause"} onClick={() => onPause(!paused)}>
        {paused ? <Play size={14} aria-hidden /> : <Pause size={14} aria-hidden />}
        <span className={page.wideText}>{paused ? "Resume" : "Pause"}</span>
      </Button>
    </div>
  );
}
