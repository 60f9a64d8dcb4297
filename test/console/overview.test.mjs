// What was and what comes: online counts, a host's ups and downs, next times of rules, how runs did, windows of a plan.
import assert from "node:assert/strict";
import test from "node:test";
import { assertNoFaults, axeFindings, eventually, openPage, show } from "./helper.mjs";

export default function register({ fleet, browser }) {
  test("the start page shows how many agents were online, and what failed by app", async () => {
    const { page, faults, close } = await openPage(browser, fleet, { key: fleet.admin });
    await show(page, fleet, "/");
    assert.match(await page.locator(".online svg").getAttribute("aria-label"), /^Over the last 24 hours: (between \d+ and )?\d+ of 20 online$/);
    const failures = page.getByRole("region", { name: "Failures of the last hour by app" });
    await failures.getByRole("link", { name: "backup full" }).click();
    await page.waitForURL(/\/tasks\?app=backup&func=full&since=/);
    assertNoFaults(faults, "start page");
    await close();
  });

  test("a host's page says when it was away", async () => {
    const { page, faults, close } = await openPage(browser, fleet, { key: fleet.admin });
    await show(page, fleet, "/hosts/at?ip=127.0.0.29");
    const strip = page.locator("svg.ups");
    assert.match(await strip.getAttribute("aria-label"), /^Over the last 30 days: online [\d.]+ % of the time that is known; away once, /);
    await page.getByText(/^away from .+ until now$/).waitFor();
    assert.deepEqual(await axeFindings(page), []);
    await show(page, fleet, "/hosts/at?ip=127.0.0.10");
    assert.match(await strip.getAttribute("aria-label"), /online 100 % of the time that is known; away 0 times$/);
    assertNoFaults(faults, "host");
    await close();
  });

  test("the form of a cron job shows the next five times of its rule while it is typed", async () => {
    const { page, faults, close } = await openPage(browser, fleet, { key: fleet.admin });
    await show(page, fleet, "/schedules/cron/new?agentip=127.0.0.18");
    await page.getByLabel("Rule", { exact: true }).fill("0 0 2 * * ?");
    const times = page.getByRole("group", { name: "Next times" });
    await eventually(async () => (await times.locator("li").count()) === 5, "five times");
    assert.match(await times.innerText(), /02:00:00/);
    await page.getByLabel("Time zone", { exact: true }).fill("Asia/Tokyo");
    await times.getByText("02:00:00 there").first().waitFor();
    await page.getByLabel("Rule", { exact: true }).fill("0 0 2 31 2 ?");
    await times.getByText("It never fires from now on.").waitFor();
    await page.getByLabel("Rule", { exact: true }).fill("0 0");
    await times.getByRole("alert").waitFor();
    assertNoFaults(faults, "cron form");
    await close();
  });

  test("a schedule shows its next times, and the list of runs how their hosts did", async () => {
    const { page, faults, close } = await openPage(browser, fleet, { key: fleet.admin });
    await show(page, fleet, `/schedules/run/${fleet.found.schedule}`);
    assert.equal(await page.locator(".next-times li").count(), 5);
    await show(page, fleet, "/runs");
    const row = page.locator("tr", { has: page.locator(`a[href$="/runs/${fleet.found.done}"]`) });
    assert.match(await row.locator(".progress svg").getAttribute("aria-label"), /^\d+ done/);
    assertNoFaults(faults, "next times");
    await close();
  });

  test("a plan names the window that is closed, and how many hosts it holds back", async () => {
    const { page, faults, close } = await openPage(browser, fleet, { key: fleet.admin });
    await show(page, fleet, "/runs/new?target=role%3Ddb&app=deploy&func=apply");
    await page.getByRole("button", { name: "Plan" }).click();
    const plan = page.getByRole("dialog");
    await plan.getByText("holds 4 hosts back until").waitFor();
    assert.ok((await plan.innerText()).includes("db-freeze"));
    assertNoFaults(faults, "plan");
    await close();
  });
}
