import { createRootRoute, createRoute, createRouter, redirect } from "@tanstack/react-router";
import { HistoryPage } from "./pages/history/page.tsx";
import { validateHistorySearch } from "./pages/history/search.ts";
import { LivePage } from "./pages/live/page.tsx";
import { validateLiveSearch } from "./pages/live/search.ts";
import { NotFoundPage } from "./pages/not-found/page.tsx";
import { Shell } from "./shell/shell.tsx";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage });

const index = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the router's way to say it
    throw redirect({ to: "/live", replace: true });
  },
});

const live = createRoute({ getParentRoute: () => root, path: "/live", validateSearch: validateLiveSearch, component: LivePage });

const history = createRoute({
  getParentRoute: () => root,
  path: "/history",
  validateSearch: validateHistorySearch,
  component: HistoryPage,
});

/** Search parameters are plain texts, so that an address reads as a person would write it. */
export function createCockpitRouter() {
  return createRouter({
    routeTree: root.addChildren([index, live, history]),
    parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
    stringifySearch: (search) => {
      const entries = Object.entries(search).filter((entry): entry is [string, string] => typeof entry[1] === "string");
      return entries.length === 0 ? "" : `?${new URLSearchParams(entries).toString()}`;
    },
    defaultPreload: "intent",
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createCockpitRouter>;
  }
}
