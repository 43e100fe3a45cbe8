// What the clients take from the cockpit's folder: its client package, and the packages by which its own tests drive a browser.
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { onEnd } from "./protocol.mjs";

const folder = new URL("../../dashboards/cockpit/", import.meta.url);
const require = createRequire(new URL("package.json", folder));

/** @slipstream/client from its sources: TypeScript through the bundler that is there anyway. */
export async function clientPackage() {
  const { runnerImport } = await import(pathToFileURL(require.resolve("vite")).href);
  const { module } = await runnerImport(fileURLToPath(new URL("src/client/src/index.ts", folder)));
  return module;
}

/** One page of a Chromium without a window. */
export async function openPage() {
  const { chromium } = require("playwright-core");
  const executablePath = process.env.SLIPSTREAM_TEST_BROWSER || "/usr/bin/chromium";
  const quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const args = ["--no-sandbox", "--disable-gpu", ...quiet];
  const browser = await chromium.launch({ executablePath, args });
  onEnd(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1280, height: 2_000 }, reducedMotion: "reduce" });
  return context.newPage();
}
