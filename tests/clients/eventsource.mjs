// npm `eventsource`.
import { EventSource } from "eventsource";
import { address, names, print, token } from "./protocol.mjs";

const authorized = (url, init) => fetch(url, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } });
const stream = new EventSource(address(), { fetch: authorized });
for (const name of names) stream.addEventListener(name, (event) => print(event.lastEventId, event.type, event.data));
