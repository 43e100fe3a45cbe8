import { declarations } from "@slipstream/client";
import { useNavigate } from "@tanstack/react-router";
import { SlidersHorizontal, X } from "lucide-react";
import { useState, type ReactNode } from "react";
import { Button } from "../../components/button.tsx";
import components from "../../components/components.module.css";
import { SearchField, TextField } from "../../components/search-field.tsx";
import { SeverityFilter, severitiesOf } from "../../events/severity.tsx";
import page from "../page.module.css";
import styles from "./history.module.css";
import { fieldNames, fields, filterText, ranges, validateHistorySearch, type Field, type HistorySearch } from "./search.ts";

interface Props {
  readonly search: HistorySearch;
  readonly fact: ReactNode;
}

const placeholders: Partial<Readonly<Record<Field, string>>> = {
  type: "e.g. copilot.support_ticket.created",
  module: "e.g. copilot",
  entityType: "e.g. copilot.support_ticket",
  entityId: "Exact id",
  actor: "User id",
};

/** Filters of history. They live in the address bar, so that a view can be bookmarked and shared. */
export function HistoryToolbar({ search, fact }: Props) {
  const change = useChange(search);
  const [open, setOpen] = useState(false);
  const hidden = fields.filter((field) => field in placeholders && search[field] !== undefined).length;
  return (
    <div role="search" aria-label="History" className={styles.bars}>
      <div className={page.toolbar}>
        <SearchField
          className={page.grow}
          aria-label="Search text"
          placeholder="Search text"
          value={search.q ?? ""}
          onCommit={(q) => change({ q })}
        />
        <SeverityFilter value={severitiesOf(search.severity)} onChange={(severity) => change({ severity: severity.join(",") })} />
        <select
          className={components.field}
          aria-label="Time range"
          value={search.range ?? ""}
          onChange={(event) => change({ range: event.target.value, from: "", to: "" })}
        >
          <option value="">Any time</option>
          {Object.entries(ranges).map(([value, { name }]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
        <Button aria-expanded={open} aria-controls="history-filters" onClick={() => setOpen(!open)}>
          <SlidersHorizontal size={14} aria-hidden /> Filters{hidden > 0 ? ` (${hidden})` : ""}
        </Button>
        <span className={page.spacer} />
        {fact}
      </div>
      {search.range === "custom" && <CustomRange search={search} />}
      {open && <MoreFields search={search} />}
      <Chips search={search} />
    </div>
  );
}

function useChange(search: HistorySearch) {
  const navigate = useNavigate();
  return (part: HistorySearch) =>
    void navigate({ to: "/history", search: validateHistorySearch({ ...search, ...part }), replace: true });
}

function CustomRange({ search }: { readonly search: HistorySearch }) {
  const change = useChange(search);
  return (
    <div className={styles.fields}>
      {(["from", "to"] as const).map((field) => (
        <label key={field}>
          <span>{fieldNames[field]}</span>
          <input
            type="datetime-local"
            className={components.field}
            value={search[field] ?? ""}
            onChange={(event) => change({ [field]: event.target.value })}
          />
        </label>
      ))}
    </div>
  );
}

function MoreFields({ search }: { readonly search: HistorySearch }) {
  const change = useChange(search);
  return (
    <div id="history-filters" className={styles.fields}>
      {(Object.keys(placeholders) as Field[]).map((field) => (
        <label key={field}>
          <span>{fieldNames[field]}</span>
          <TextField
            value={search[field] ?? ""}
            placeholder={placeholders[field]}
            list={`known-${field}`}
            onCommit={(value) => change({ [field]: value })}
          />
        </label>
      ))}
      <datalist id="known-type">
        {declarations.map(({ type }) => (
          <option key={type} value={type} />
        ))}
      </datalist>
      <datalist id="known-entityType">
        {[...new Set(declarations.map(({ entityType }) => entityType))].map((entityType) => (
          <option key={entityType} value={entityType} />
        ))}
      </datalist>
    </div>
  );
}

/** The filters in force, each with the way to drop it. */
function Chips({ search }: { readonly search: HistorySearch }) {
  const change = useChange(search);
  const active = fields.filter(
    (field) => search[field] !== undefined && field !== "q" && field !== "severity" && field !== "range",
  );
  if (active.length === 0) return null;
  return (
    <ul aria-label="Filters in force" className={styles.chips}>
      {active.map((field) => (
        <li key={field} className={styles.chip}>
          <span>{filterText(field, search[field] ?? "")}</span>
          <button type="button" aria-label={`Remove filter ${fieldNames[field]}`} onClick={() => change({ [field]: "" })}>
            <X size={13} aria-hidden />
          </button>
        </li>
      ))}
    </ul>
  );
}
