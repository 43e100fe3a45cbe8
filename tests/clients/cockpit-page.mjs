// The built cockpit, as the server carries it, in Chromium: signed in by the address, on the live page. Prints the ids of its rows, newest first,
// whenever they change ("rows"), the state of its connection ("connection"), and what the browser complains about ("complaint").
import { openPage } from "./cockpit.mjs";
import { base, print, token } from "./protocol.mjs";

const page = await openPage();
page.on("console", (message) => message.type() === "error" && print("", "complaint", message.text()));
page.on("pageerror", (error) => print("", "complaint", String(error)));
await page.exposeFunction("print", print);
await page.goto(`${base}/live#token=${token}`);
await page.getByRole("button", { name: /^Connection/ }).waitFor();
await page.evaluate(() => {
  const last = {};
  const tell = (name, value) => {
    if (last[name] !== value) window.print("", name, (last[name] = value));
  };
  const look = () => {
    const items = [...document.querySelectorAll("li[data-index]")];
    items.sort((a, b) => Number(a.dataset.index) - Number(b.dataset.index));
    tell("rows", JSON.stringify(items.map((item) => item.querySelector("[data-row]")?.dataset.row ?? "")));
    const chip = [...document.querySelectorAll("button")].find((button) => button.textContent?.startsWith("Connection"));
    tell("connection", chip?.textContent ?? "");
  };
  look();
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
});
