// What a page shows stays current, and it says when it is not.
import assert from "node:assert/strict";
import test from "node:test";
import { api, assertNoFaults, eventually, openPage, show } from "./helper.mjs";

const live = (page) => page.locator(".stream.live").waitFor();

export default function register({ fleet, browser }) {
  test("a run goes on before the reader's eyes", async () => {
    const { page, faults, close } = await openPage(browser, fleet, { key: fleet.admin });
    const { id } = await api(page, fleet, "run.startrun", { target: "role=cache", ins: { app: "disk", func: "sleep", param: "2" }, parallel: 1 });
    await show(page, fleet, `/runs/${id}`);
    await live(page);
    await page.locator(".lead .state", { hasText: "running" }).waitFor();
    await page.locator(".progress").first().getByText("1 done").waitFor();
    await page.locator(".lead .state", { hasText: "done" }).waitFor();
    await page.getByText("slept 2 s").first().waitFor();
    assertNoFaults(faults, "live run");
    await close();
  });

  test("a worker's output appears as it prints it", async () => {
    const { page, faults, close } = await openPage(browser, fleet, { key: fleet.admin });
    const { info } = await api(page, fleet, "sheduler.sendasync", { agentip: "127.0.0.22", ins: { app: "disk", func: "sleep", param: "6" } });
    await show(page, fleet, `/tasks/${info.id}`);
    await live(page);
    await page.locator("pre.printed").getByText("5 s to go").waitFor();
    await page.locator("pre.printed").getByText("2 s to go").waitFor();
    await page.locator(".lead .state", { hasText: "done" }).waitFor();
    assertNoFaults(faults, "live output");
    await close();
  });

  test("a page reads a topic at most about twice a second, however much changes", async () => {
    const { page, close } = await openPage(browser, fleet, { key: fleet.admin });
    const { id } = await api(page, fleet, "run.startrun", { target: "role=web", ins: { app: "nginx", func: "reload" }, parallel: 1, max_fail: "100%" });
    let calls = 0;
    page.on("request", (request) => {
      if (request.url().endsWith("/api/run/getrun")) calls++;
    });
    await show(page, fleet, `/runs/${id}`);
    const begin = Date.now();
    await page.locator(".lead .state", { hasText: /done|partial/ }).waitFor();
    await page.waitForTimeout(1_000);
    assert.ok(calls <= 2 + ((Date.now() - begin) / 1_000) * 2.2, `${calls} calls in ${Date.now() - begin} ms`);
    await close();
  });

  test("after a kill -9 of the server the page says since when it is stale, and catches up when it is back", { skip: !fleet.steerServer }, async () => {
    const { page, close } = await openPage(browser, fleet, { key: fleet.admin });
    const { id } = await api(page, fleet, "run.startrun", { target: "role=cache", ins: { app: "disk", func: "sleep", param: "3" }, parallel: 1 });
    await show(page, fleet, `/runs/${id}`);
    await live(page);
    await fleet.steerServer("kill");
    await page.locator(".stream.stale").waitFor();
    assert.match(await page.locator(".stream.stale").innerText(), /stale since \d\d:\d\d:\d\d/);
    await fleet.steerServer("start");
    // A session lives in the server's memory: the page asks for the key anew, and shows the same run afterwards.
    await page.getByLabel("Key", { exact: true }).or(page.locator(".stream.live")).first().waitFor();
    if (await page.getByLabel("Key", { exact: true }).isVisible()) {
      await page.getByLabel("Key", { exact: true }).fill(fleet.admin.key);
      await page.getByLabel("Token").fill(fleet.admin.token);
      await page.getByRole("button", { name: "Sign in" }).click();
    }
    await live(page);
    await eventually(async () => {
      const { run } = await api(page, fleet, "run.getrun", { id });
      const words = await page.locator(".progress").first().innerText();
      return run.state === "done" && Object.entries(run.counts).every(([state, count]) => words.includes(`${count} ${state}`));
    }, "the counts to equal getrun");
    await close();
  });
}
