import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import AxeBuilder from "axe-core";
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";
import { eventOf } from "../../src/client/test/support/events.ts";
import { FixtureGateway } from "../../src/client/test/fixture/gateway.ts";
import { tokenOf } from "../../src/client/test/fixture/token.ts";
import type { EventEnvelope } from "../../src/client/src/index.ts";

const dist = fileURLToPath(new URL("../../dist", import.meta.url));
const chromiumPath = process.env["SLIPSTREAM_TEST_BROWSER"] ?? "/usr/bin/chromium";
const quiet = [
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Whether the surroundings have what these tests need: a Chromium and the built pages. */
export const canRun = existsSync(chromiumPath) && existsSync(dist);

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox", "--disable-gpu", ...quiet] });
}

export async function openGateway(): Promise<FixtureGateway> {
  return FixtureGateway.start({ files: dist });
}

export const token = tokenOf({ tenant: "s3", sub: "dana@example.com", name: "Dana Whitfield", roles: ["admin"] });

/** One visitor: a browser context of its own, its first page, and every complaint of the browser. */
export interface Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Console errors (a broken content security policy is one) and uncaught exceptions. */
  readonly complaints: string[];
}

export async function visit(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(8_000);
  const complaints: string[] = [];
  context.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  context.on("weberror", (error) => complaints.push(String(error.error())));
  return { context, page: await context.newPage(), complaints };
}

/** Signs in as `slipstream dev` does it, by the address, and waits for the stream. */
export async function signIn(page: Page, gateway: FixtureGateway, path = "/"): Promise<void> {
  await page.goto(`${gateway.url}${path}#token=${token}`);
  await page.getByRole("button", { name: "Connection: Live" }).waitFor();
}

/** Events of now, a millisecond apart, oldest first. */
export function recent(count: number, from = 1, change: Partial<EventEnvelope> = {}): EventEnvelope[] {
  return Array.from({ length: count }, (_, index) => {
    const timestamp = new Date(Date.now() - (count - index)).toISOString();
    return eventOf(from + index, { timestamp, ...change });
  });
}

/** Ids of the rows in the document, from top to bottom. */
export async function rowIds(page: Page): Promise<string[]> {
  const rows = await page.locator("li[data-index]").evaluateAll((items) =>
    items
      .map((item) => ({
        at: Number(item.getAttribute("data-index")),
        id: item.querySelector("[data-row]")?.getAttribute("data-row") ?? "",
      }))
      .sort((a, b) => a.at - b.at)
      .map(({ id }) => id),
  );
  return rows;
}

/** What axe finds wrong with the page as it is now, by the rules of WCAG 2.2 AA and good practice. */
export async function faultsOf(page: Page): Promise<string[]> {
  // Run by the debugger, which the page's content security policy does not bind.
  await page.evaluate(AxeBuilder.source);
  const { violations } = await page.evaluate(() => (window as unknown as { axe: typeof AxeBuilder }).axe.run());
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}
