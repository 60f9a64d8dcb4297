// Every page in both themes and at a phone's width. $ELVES_SCREENSHOTS: a folder that gets a picture of each.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { assertNoFaults, axeFindings, openPage, show, signIn, viewsOf } from "./helper.mjs";

const PHONE = { width: 390, height: 844 };
const PHONE_VIEWS = ["now", "run", "task"];
const MAX_NODES = 2_000;
const shots = process.env.ELVES_SCREENSHOTS;

async function picture(page, name, fullPage = false) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage });
}

export default function register({ fleet, browser }) {
  for (const theme of ["light", "dark"]) {
    test(`every page works in the ${theme} theme, and axe finds nothing serious`, async () => {
      const { page, faults, close } = await openPage(browser, fleet, { theme, key: fleet.admin });
      for (const [name, view] of Object.entries(viewsOf(fleet))) {
        await show(page, fleet, view);
        assert.deepEqual(await axeFindings(page), [], `${name} in ${theme}`);
        const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
        assert.ok(nodes < MAX_NODES, `${name} has ${nodes} nodes`);
        assert.equal(await page.getByRole("alert").count(), 0, `${name} shows a refusal`);
        assert.match(await page.locator(".command code").innerText(), /^elvesctl \w/, `${name} as a command`);
        if (theme === "light" || PHONE_VIEWS.includes(name)) await picture(page, theme === "light" ? name : `${name}-${theme}`);
      }
      assertNoFaults(faults, theme);
      await close();
    });
  }

  test("the login page has nothing that axe calls serious, and works in both themes", async () => {
    for (const theme of ["light", "dark"]) {
      const { page, faults, close } = await openPage(browser, fleet, { theme });
      await page.goto(fleet.url);
      await page.getByLabel("Key", { exact: true }).waitFor();
      assert.deepEqual(await axeFindings(page), [], theme);
      if (theme === "light") await picture(page, "login");
      assertNoFaults(faults, theme);
      await close();
    }
  });

  test("at a phone's width no page scrolls sideways, and the menu opens", async () => {
    const { page, faults, close } = await openPage(browser, fleet, { viewport: PHONE, key: fleet.admin });
    for (const [name, view] of Object.entries(viewsOf(fleet))) {
      await show(page, fleet, view);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= PHONE.width, `${name} is ${width} wide`);
      if (PHONE_VIEWS.includes(name)) {
        assert.deepEqual(await axeFindings(page), [], `${name} on a phone`);
        await picture(page, `${name}-phone`);
      }
    }
    await page.getByRole("button", { name: "Menu" }).click();
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Runs" }).click();
    await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
    assertNoFaults(faults, "phone");
    await close();
  });

  test("at 200 % zoom no page scrolls sideways", async () => {
    const { page, close } = await openPage(browser, fleet, { viewport: { width: 640, height: 400 }, key: fleet.admin });
    for (const [name, view] of Object.entries(viewsOf(fleet))) {
      await show(page, fleet, view);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 640, `${name} is ${width} wide`);
    }
    await close();
  });

  test("a page is its URL: a reload and a second tab show the same", async () => {
    const { page, close } = await openPage(browser, fleet, { key: fleet.admin });
    await show(page, fleet, "/tasks?status=failed&app=backup");
    const rows = await page.locator("tbody tr").count();
    assert.ok(rows >= 1);
    assert.equal(await page.getByLabel("State").inputValue(), "failed");
    await page.reload();
    await page.locator("tbody tr").first().waitFor();
    assert.equal(await page.locator("tbody tr").count(), rows);
    await close();
  });

  test("a wrong token is refused on the login page, and the page behind it opens after a right one", async () => {
    const { page, close } = await openPage(browser, fleet);
    await page.goto(new URL("./hosts?target=role%3Ddb", fleet.url).href);
    await page.getByLabel("Key", { exact: true }).fill(fleet.admin.key);
    await page.getByLabel("Token").fill("elv_wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("Token").fill(fleet.admin.token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "Hosts" }).waitFor();
    assert.equal(await page.getByLabel("Target", { exact: true }).inputValue(), "role=db");
    await close();
  });

  test("the browser keeps no token, and a cookie that scripts cannot read", async () => {
    const { page, close } = await openPage(browser, fleet, { key: fleet.admin });
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    assert.ok(!kept.includes(fleet.admin.token));
    const cookies = await page.context().cookies();
    assert.ok(cookies.length >= 1);
    for (const cookie of cookies) {
      assert.equal(cookie.httpOnly, true);
      assert.equal(cookie.sameSite, "Strict");
    }
    await close();
  });

  test("signing out ends the session everywhere in this browser", async () => {
    const { page, close } = await openPage(browser, fleet, { key: fleet.operator });
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Key", { exact: true }).waitFor();
    await page.goto(new URL("./runs", fleet.url).href);
    await page.getByLabel("Key", { exact: true }).waitFor();
    await close();
  });

  test("a viewer sees no control that acts, and no page that a viewer may not read", async () => {
    const { page, faults, close } = await openPage(browser, fleet);
    await signIn(page, fleet, fleet.viewer);
    const links = await page.getByRole("navigation", { name: "Pages" }).getByRole("link").allInnerTexts();
    assert.deepEqual(links, ["Now", "Runs", "Tasks", "Hosts", "Schedules", "Groups", "Windows", "Caps", "Apps", "System"]);
    const passive = /^(Copy|Find|Clear|stdout.*|stderr.*|Earlier|Later|End|Download|Show the param|Read again)$/s;
    for (const name of ["now", "runs", "run", "task", "tasks", "hosts", "host", "schedules", "cron-job", "scheduled-run", "groups", "windows", "caps", "apps", "system"]) {
      await show(page, fleet, viewsOf(fleet)[name]);
      const main = page.locator("main");
      const words = [...(await main.getByRole("button").allInnerTexts()), ...(await main.locator("a.button").allInnerTexts())];
      assert.deepEqual(words.filter((word) => !passive.test(word.trim())), [], name);
    }
    assertNoFaults(faults, "viewer");
    await close();
  });

  test("a page that fails says so, and the others go on", async () => {
    const { page, close } = await openPage(browser, fleet, { key: fleet.admin });
    await show(page, fleet, "/runs/%zz");
    await page.getByRole("heading", { name: "This page failed" }).waitFor();
    await page.getByRole("link", { name: "Hosts", exact: true }).click();
    await page.getByRole("heading", { name: "Hosts", exact: true }).waitFor();
    await close();
  });

  test("find goes to a task, a run, a host, and the hosts of a target", async () => {
    const { page, close } = await openPage(browser, fleet, { key: fleet.admin });
    const find = async (text, url) => {
      await page.keyboard.press("/");
      await page.keyboard.type(text);
      await page.keyboard.press("Enter");
      await page.waitForURL(url);
    };
    await find(fleet.found.done, `**/runs/${fleet.found.done}`);
    await find("127.0.0.11", "**/hosts/at?ip=127.0.0.11");
    await find("role=db", "**/hosts?target=role%3Ddb");
    await find(fleet.found.failed, `**/tasks/${fleet.found.failed}`);
    await close();
  });

  test("times show the server's zone, and this browser's on hover", async () => {
    const { page, close } = await openPage(browser, fleet, { key: fleet.admin });
    await show(page, fleet, `/tasks/${fleet.found.failed}`);
    const title = await page.locator("dd time").first().getAttribute("title");
    assert.match(title, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d at the server; \d{4}-\d\d-\d\d \d\d:\d\d:\d\d here \(.+\)$/);
    await close();
  });
}
