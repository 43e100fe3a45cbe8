// Chromium's own EventSource, in a page of the gateway's origin. It cannot send headers: the token goes in the address.
import { openPage } from "./cockpit.mjs";
import { address, base, names, print, token } from "./protocol.mjs";

const page = await openPage();
await page.exposeFunction("print", print);
await page.goto(`${base}/livez`);
await page.evaluate(
  ({ url, names }) => {
    const stream = new EventSource(url);
    for (const name of names) stream.addEventListener(name, (event) => window.print(event.lastEventId, event.type, event.data));
    window.stream = stream;
  },
  { url: address({ token }), names },
);
