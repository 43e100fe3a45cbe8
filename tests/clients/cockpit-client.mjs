// @slipstream/client, the package of the cockpit: from its sources, in Node.
import { base, cursor, print, token } from "./protocol.mjs";
import { clientPackage } from "./cockpit.mjs";

const { EventStream, Session } = await clientPackage();
const stream = new EventStream({
  url: `${base}/api/events`,
  session: new Session({ token: () => token }),
  scope: { tenant: "acme", user: "u1" },
  beginAt: async () => cursor,
});
stream.onEvents((events) => events.forEach((event) => print("", "message", JSON.stringify(event))));
stream.onControl((control) => print("", control.type, JSON.stringify(control)));
stream.start();
