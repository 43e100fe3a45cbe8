import type { Control } from "@slipstream/client";
import { useControl } from "@slipstream/client/react";
import { TriangleAlert, X } from "lucide-react";
import { useCallback, useState } from "react";
import { Button } from "../../components/button.tsx";
import components from "../../components/components.module.css";
import { useRealtime } from "../../realtime/provider.tsx";

const sentences: Readonly<Record<string, string>> = {
  cursor_expired: "This page was away for longer than events are kept.",
  cursor_unknown: "The place where this page had stopped is not known to the server.",
  cursor_invalid: "The place where this page had stopped could not be read.",
  tenant_changed: "The tenant has changed.",
  slow_consumer: "This page was too slow to follow.",
  store_rebuilt: "The event log was rebuilt.",
};

/** Says that continuity was lost, why, and what was done about it. Never silent, never in the way. */
export function ResetNotice() {
  const { stream } = useRealtime();
  const [code, setCode] = useState<string>();
  useControl(
    stream,
    useCallback((control: Control) => {
      if (control.type === "reset") setCode(control.code);
    }, []),
  );
  return (
    <div role="status">
      {code !== undefined && (
        <div className={components.notice}>
          <TriangleAlert size={16} aria-hidden />
          <p>
            {sentences[code] ?? "Some events could not be replayed."} The newest events were read again from history; older ones are
            on the History page.
          </p>
          <Button look="quiet" icon aria-label="Dismiss" onClick={() => setCode(undefined)}>
            <X size={15} aria-hidden />
          </Button>
        </div>
      )}
    </div>
  );
}
