// What all clients of this folder have in common.
//
//   <client> BASE TOKEN [CURSOR]
//
// Each opens the stream of BASE and prints one line of JSON for each block that its library hands out: {"id", "event", "data"}, an unnamed event as
// "message". It connects anew by its own means and runs until it is killed. With a CURSOR it begins there.

export const [base, token, cursor] = process.argv.slice(2);

/** The named blocks of a stream; a native EventSource hands out only those that were asked for. */
export const names = ["message", "ready", "notice", "reset", "heartbeat", "expiring", "close"];

/** The address of the stream, with what this client cannot say in a header. */
export function address(further = {}) {
  const query = new URLSearchParams({ ...further, ...(cursor ? { lastEventId: cursor } : {}) });
  return `${base}/api/events?${query}`;
}

export function print(id, event, data) {
  process.stdout.write(`${JSON.stringify({ id, event, data })}\n`);
}

// The end of its input is the order to end.
let atEnd = () => process.exit();
process.stdin.on("end", () => atEnd()).resume();

/** What is to be done before the end. */
export function onEnd(work) {
  atEnd = () => work().finally(() => process.exit());
}
