import { Link } from "@tanstack/react-router";
import { Compass } from "lucide-react";
import { EmptyState } from "../../components/state.tsx";
import { usePageTitle } from "../../shell/shell.tsx";

/** An address that leads nowhere. */
export function NotFoundPage() {
  usePageTitle("Not found");
  return (
    <EmptyState icon={Compass} title="There is no such page" actions={<Link to="/live">To the live feed</Link>}>
      The address may be mistyped, or the page may have moved.
    </EmptyState>
  );
}
