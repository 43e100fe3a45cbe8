import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventOf } from "../../src/client/test/support/events.ts";
import type { FixtureGateway } from "../../src/client/test/fixture/gateway.ts";
import { until } from "../../src/client/test/support/stream-server.ts";
import { canRun, faultsOf, openBrowser, openGateway, recent, rowIds, signIn, visit, type Visitor } from "./support.ts";

let browser: Browser;
let gateway: FixtureGateway;
let visitor: Visitor;

describe.skipIf(!canRun)("the cockpit in Chromium", () => {
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser.close();
  });
  beforeEach(async () => {
    gateway = await openGateway();
    visitor = await visit(browser);
  });
  afterEach(async () => {
    await visitor.context.close();
    await gateway.stop();
  });

  describe("signing in", () => {
    it("takes the token out of the address bar at once and keeps it for reloads of this tab only", async () => {
      const { page, context } = visitor;
      await signIn(page, gateway);
      expect(page.url()).toBe(`${gateway.url}/live`);
      await page.reload();
      await page.getByRole("button", { name: "Connection: Live" }).waitFor();
      const other = await context.newPage();
      await other.goto(`${gateway.url}/live`);
      await other.getByLabel("Access token").waitFor();
    });

    it("says what is wrong with a token, and keeps the address for afterwards", async () => {
      const { page } = visitor;
      await page.goto(`${gateway.url}/history?module=cloudtrail`);
      await page.getByLabel("Access token").fill("nonsense");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("alert").getByText("not an access token").waitFor();
      const { token } = await import("./support.ts");
      await page.getByLabel("Access token").fill(token);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "History", level: 1 }).waitFor({ state: "attached" });
      expect(page.url()).toBe(`${gateway.url}/history?module=cloudtrail`);
    });

    it("ends when the server closes the session, and by the menu, and leaves nothing behind", async () => {
      const { page } = visitor;
      await signIn(page, gateway);
      gateway.control("close", { reason: "access_revoked", reconnect: false });
      await page.getByText("Your access was revoked").waitFor();
      await signIn(page, gateway);
      await page.getByRole("button", { name: /Account and settings/ }).click();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByText("You have signed out").waitFor();
      expect(await page.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)])).toEqual([]);
      await until(() => gateway.streams === 0, "the end of the stream");
    });
  });

  describe("the live feed", () => {
    it("shows history and arrivals, newest first, each once, without a complaint of the browser", async () => {
      const { page, complaints } = visitor;
      gateway.emit(...recent(20));
      await signIn(page, gateway);
      await page.locator("[data-row]").first().waitFor();
      gateway.emit(eventOf(21, { timestamp: new Date().toISOString() }));
      await page.locator('[data-row="event-000021"]').waitFor();
      const ids = await rowIds(page);
      expect(ids).toEqual([...new Set(ids)]);
      expect(ids[0]).toBe("event-000021");
      expect(ids).toHaveLength(21);
      expect(complaints).toEqual([]);
    });

    it("does not move under the reader: a pill counts what waits and leads to it", async () => {
      const { page } = visitor;
      gateway.emit(...recent(45));
      await signIn(page, gateway);
      await page.locator("[data-row]").first().waitFor();
      await page.mouse.move(400, 400);
      await page.mouse.wheel(0, 500);
      const row = page.locator('[data-row="event-000025"]');
      await page.waitForTimeout(200);
      const before = await row.boundingBox();
      gateway.emit(...recent(7, 46));
      await page.getByRole("button", { name: "7 new events" }).waitFor();
      expect(await row.boundingBox()).toEqual(before);
      await page.getByRole("button", { name: "7 new events" }).click();
      await page.locator('[data-row="event-000052"]').waitFor();
      expect((await rowIds(page))[0]).toBe("event-000052");
    });

    it("pauses and goes on", async () => {
      const { page } = visitor;
      gateway.emit(...recent(5));
      await signIn(page, gateway);
      await page.locator("[data-row]").first().waitFor();
      await page.getByRole("button", { name: "Pause" }).click();
      gateway.emit(...recent(3, 6));
      await page.getByRole("button", { name: "3 new events" }).waitFor();
      expect(await rowIds(page)).toHaveLength(5);
      await page.getByRole("button", { name: "Resume" }).click();
      await until(async () => (await rowIds(page)).length === 8, "all rows");
    });

    it("stays bounded and smooth under a burst of 5,000 events", async () => {
      const { page, complaints } = visitor;
      await signIn(page, gateway);
      gateway.emit(...recent(5_000));
      await page.locator('[data-row="event-005000"]').waitFor();
      await page.getByText("1,500 events").waitFor();
      expect(await page.locator("li[data-index]").count()).toBeLessThan(80);
      expect(complaints).toEqual([]);
    });

    it("has no layout shift while rows arrive", async () => {
      const { page } = visitor;
      gateway.emit(...recent(30));
      await signIn(page, gateway);
      await page.locator("[data-row]").first().waitFor();
      await page.waitForTimeout(500);
      await page.evaluate(() => {
        const shifts: number[] = [];
        Object.assign(window, { shifts });
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) shifts.push((entry as unknown as { value: number }).value);
        }).observe({ type: "layout-shift" });
      });
      for (let n = 31; n <= 40; n++) {
        gateway.emit(...recent(1, n));
        await page.locator(`[data-row="event-0000${n}"]`).waitFor();
      }
      const shifts = await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts);
      expect(shifts.reduce((sum, one) => sum + one, 0)).toBeLessThan(0.01);
    });

    it("survives a lost connection with nothing missing and nothing twice", async () => {
      const { page } = visitor;
      gateway.emit(...recent(3));
      await signIn(page, gateway);
      await page.locator("[data-row]").first().waitFor();
      gateway.cut();
      await page.getByRole("button", { name: "Connection: Offline" }).waitFor();
      gateway.emit(...recent(4, 4));
      await page.getByRole("button", { name: "Connection: Live" }).waitFor();
      await until(async () => (await rowIds(page)).length === 7, "all rows");
      expect(await rowIds(page)).toEqual([7, 6, 5, 4, 3, 2, 1].map((n) => `event-00000${n}`));
    });

    it("says that continuity was lost, and reads history again", async () => {
      const { page } = visitor;
      gateway.emit(...recent(3));
      await signIn(page, gateway);
      await page.locator("[data-row]").first().waitFor();
      gateway.control("reset", { reason: "last_event_id_out_of_window", code: "cursor_expired", cursor: "c3" });
      await page.getByText("away for longer than events are kept").waitFor();
      await page.getByRole("button", { name: "Dismiss" }).click();
      expect(await rowIds(page)).toHaveLength(3);
    });

    it("goes on when history fails, and says so", async () => {
      const { page } = visitor;
      await page.route("**/api/events/history*", (route) =>
        route.fulfill({ status: 403, contentType: "application/problem+json", body: "{}" }),
      );
      await signIn(page, gateway);
      await page.getByText("Earlier events could not be read").waitFor();
      gateway.emit(...recent(2));
      await until(async () => (await rowIds(page)).length === 2, "the arrivals");
    });

    it("filters by text, module and severity, in the address bar", async () => {
      const { page } = visitor;
      gateway.emit(...recent(6), ...recent(2, 7, { severity: "error", module: "copilot", message: "Budget exceeded" }));
      await signIn(page, gateway);
      await page.locator("[data-row]").first().waitFor();
      await page.getByRole("button", { name: "Error", exact: true }).click();
      await until(async () => (await rowIds(page)).length === 2, "two errors");
      await page.getByRole("combobox", { name: "Module" }).selectOption("cloudtrail");
      await page.getByText("No event matches").waitFor();
      expect(page.url()).toBe(`${gateway.url}/live?module=cloudtrail&severity=error`);
      await page.getByRole("button", { name: "Clear filters" }).click();
      await page.keyboard.press("/");
      await page.keyboard.type("budget");
      await until(async () => (await rowIds(page)).length === 2, "two matches");
    });

    it("is one connection for all tabs, and the next tab takes over", async () => {
      const { page, context } = visitor;
      await signIn(page, gateway);
      const second = await context.newPage();
      await signIn(second, gateway);
      expect(gateway.streams).toBe(1);
      gateway.emit(...recent(1));
      await Promise.all([page, second].map((tab) => tab.locator('[data-row="event-000001"]').waitFor()));
      await page.close();
      await until(() => gateway.streamRequests === 2 && gateway.streams === 1, "the second tab's connection");
      gateway.emit(...recent(1, 2));
      await second.locator('[data-row="event-000002"]').waitFor();
      expect(await rowIds(second)).toEqual(["event-000002", "event-000001"]);
    });
  });

  describe("history", () => {
    it("reads page after page to the beginning, in groups", async () => {
      const { page } = visitor;
      gateway.emit(
        ...recent(70, 1, {}).map((event, index) =>
          index < 10 ? { ...event, timestamp: `2023-07-10T11:42:${10 + index}Z` } : event,
        ),
      );
      gateway.emit(...recent(60, 71));
      await signIn(page, gateway, "/history");
      await page.getByRole("heading", { name: "Today" }).waitFor();
      const end = page.getByText("This is where the history begins");
      await until(async () => {
        await page.mouse.move(400, 400);
        await page.mouse.wheel(0, 1_500);
        return (await end.isVisible()) && (await page.getByRole("heading", { name: "Older" }).isVisible());
      }, "the end");
      await page.locator('[data-row="event-000001"]').waitFor();
    });

    it("shows what is new without moving the reader", async () => {
      const { page } = visitor;
      gateway.emit(...recent(60));
      await signIn(page, gateway, "/history");
      await page.locator("[data-row]").first().waitFor();
      await page.locator("[data-row]").nth(2).click();
      gateway.emit(...recent(2, 61));
      await page.getByRole("button", { name: "2 new events" }).click();
      await page.locator('[data-row="event-000062"]').waitFor();
      await page.locator("[data-row][aria-expanded=true]").click();
      gateway.emit(...recent(1, 63));
      await page.locator('[data-row="event-000063"]').waitFor();
    });

    it("keeps its filters in the address bar over a reload, and leads from an event to its relatives", async () => {
      const { page } = visitor;
      gateway.emit(...recent(5), ...recent(3, 6, { entityId: "other" }));
      await signIn(page, gateway, "/history");
      await page.locator("[data-row]").first().click();
      await page.getByRole("link", { name: "History of this entity" }).click();
      await until(async () => (await rowIds(page)).length === 3, "the entity's events");
      await page.reload();
      await until(async () => (await rowIds(page)).length === 3, "the same after a reload");
      await page.getByRole("button", { name: "Remove filter Entity id" }).click();
      await until(async () => (await rowIds(page)).length === 8, "all of the entity type");
      await page.getByRole("searchbox").fill("nothing like this");
      await page.getByText("No event matches").waitFor();
    });

    it.each([
      [403, "No permission"],
      [400, "History could not be read"],
    ])("answers %i with %j", async (status, title) => {
      const { page } = visitor;
      const body = JSON.stringify({ detail: "the cursor is not one of ours", code: "cursor_invalid", request_id: "r-17" });
      await page.route("**/api/events/history*", (route) =>
        route.fulfill({ status, contentType: "application/problem+json", body }),
      );
      await signIn(page, gateway, "/history");
      await page.getByRole("heading", { name: title }).waitFor();
      await page.unroute("**/api/events/history*");
      await page.getByRole("button", { name: "Try again" }).click();
      await page.getByText("No history yet").waitFor();
    });
  });

  describe("without a mouse", () => {
    it("a row is reached, opened and left by keys", async () => {
      const { page } = visitor;
      gateway.emit(...recent(40));
      await signIn(page, gateway);
      await page.locator("[data-row]").first().waitFor();
      await page.keyboard.press("Tab");
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to content");
      await page.keyboard.press("Enter");
      expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
      await page.locator("[data-row]").first().focus();
      const focused = () => page.evaluate(() => document.activeElement?.getAttribute("data-row"));
      await page.keyboard.press("ArrowDown");
      await until(async () => (await focused()) === "event-000039", "the second row");
      await page.keyboard.press("End");
      await until(async () => (await focused()) === "event-000001", "the last row");
      await page.keyboard.press("Home");
      await until(async () => (await focused()) === "event-000040", "the first row");
      await page.keyboard.press("Enter");
      await page.getByRole("region", { name: "Event as JSON" }).waitFor();
    });

    it("the connection panel opens, traps nothing, and closes by Escape to its button", async () => {
      const { page } = visitor;
      await signIn(page, gateway);
      await page.getByRole("button", { name: "Connection: Live" }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("dialog", { name: "Connection" }).waitFor();
      await page.keyboard.press("Escape");
      expect(await page.evaluate(() => document.activeElement?.textContent)).toContain("Connection: Live");
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Sync now" }).click();
      await until(() => gateway.streamRequests === 2, "a new connection");
      await page.getByRole("button", { name: "Connection: Live" }).waitFor();
    });

    it("the theme is chosen by keys and remembered", async () => {
      const { page } = visitor;
      await signIn(page, gateway);
      await page.getByRole("radio", { name: "Dark" }).first().check({ force: true });
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const dark = await ground();
      await page.reload();
      await page.getByRole("button", { name: "Connection: Live" }).waitFor();
      expect(await ground()).toBe(dark);
      expect(await page.evaluate(() => document.documentElement.dataset["theme"])).toBe("dark");
    });
  });

  describe.each(["light", "dark"] as const)("accessibility in %s", (colorScheme) => {
    it.each([
      ["desktop", 1_280],
      ["phone", 390],
    ])("axe finds nothing on a %s", async (_, width) => {
      const own = await visit(browser, { colorScheme, viewport: { width, height: 800 } });
      const { page } = own;
      await page.goto(gateway.url);
      expect(await faultsOf(page)).toEqual([]);
      const severities = ["info", "warning", "error", "critical"] as const;
      gateway.emit(...recent(12).map((event, index) => ({ ...event, severity: severities[index % 4] ?? "info" })));
      await signIn(page, gateway);
      await page.locator("[data-row]").nth(1).click();
      await page.getByRole("button", { name: /^Connection/ }).click();
      expect(await faultsOf(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await page.getByRole("link", { name: "History", exact: true }).click();
      await page.getByRole("button", { name: "Filters" }).click();
      await page.getByLabel("Module").fill("cloudtrail");
      await page.getByLabel("Remove filter Module").waitFor();
      await page.locator("[data-row]").nth(1).click();
      await page.getByRole("button", { name: /Account and settings/ }).click();
      expect(await faultsOf(page)).toEqual([]);
      await own.context.close();
    });
  });
});
