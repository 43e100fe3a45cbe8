import { RouterProvider } from "@tanstack/react-router";
import { useState } from "react";
import { SignInPage } from "./pages/sign-in/page.tsx";
import { RealtimeProvider } from "./realtime/provider.tsx";
import { createCockpitRouter } from "./router.tsx";
import { SessionProvider, useSession } from "./session/session.tsx";

/** The whole cockpit: a session, and inside it the stream and the pages. */
export function App({ token }: { readonly token: string | undefined }) {
  return (
    <SessionProvider token={token}>
      <Cockpit />
    </SessionProvider>
  );
}

function Cockpit() {
  const { account, end } = useSession();
  const [router] = useState(createCockpitRouter);
  if (account === undefined) return <SignInPage />;
  return (
    <RealtimeProvider key={account.token} account={account} onSignedOut={end}>
      <RouterProvider router={router} />
    </RealtimeProvider>
  );
}
