// The mouse is not needed.
import assert from "node:assert/strict";
import test from "node:test";
import { api, assertNoFaults, openPage, show } from "./helper.mjs";

const focused = (page) => page.evaluate(() => {
  const element = document.activeElement;
  return element?.labels?.[0]?.innerText || element?.getAttribute("aria-label") || element?.innerText || element?.tagName || "";
});

/** Presses Tab until what has the focus is called `name`. */
async function tabTo(page, name, most = 60) {
  for (let pressed = 0; pressed < most; pressed++) {
    if (name.test(await focused(page))) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach ${name}; the focus is on "${await focused(page)}"`);
}

export default function register({ fleet, browser }) {
  test("a run is planned and started with the keyboard alone", async () => {
    const { page, faults, close } = await openPage(browser, fleet, { key: fleet.operator });
    await tabTo(page, /^New run$/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "New run" }).waitFor();
    await tabTo(page, /^Target$/);
    await page.keyboard.type("role=db");
    await page.locator(".preview b").waitFor();
    assert.equal(await page.locator(".preview b").innerText(), "4 hosts");
    await tabTo(page, /^App$/);
    await page.keyboard.type("backup");
    await tabTo(page, /^Function$/);
    await page.keyboard.type("vacuum");
    await tabTo(page, /^Waves$/);
    await page.keyboard.type("1,100%");
    await tabTo(page, /^Plan$/);
    await page.keyboard.press("Enter");

    const dialog = page.getByRole("dialog");
    await dialog.getByText("4 hosts: 4 online").waitFor();
    assert.equal(await dialog.locator(".waves li").count(), 2);
    assert.match(await focused(page), /^Type the number of hosts, 4, to start$/);
    await page.keyboard.type("5");
    assert.ok(await dialog.getByRole("button", { name: "Start on 4 hosts" }).isDisabled());
    await page.keyboard.press("Backspace");
    await page.keyboard.type("4");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/runs\/[0-9A-F]{16}$/);
    const id = page.url().slice(-16);
    const { run } = await api(page, fleet, "run.getrun", { id });
    assert.equal(run.count, "4");
    assert.equal(run.waves, "1,100%");
    assertNoFaults(faults, "keyboard");
    await close();
  });

  test("Escape closes the plan, and the focus goes back", async () => {
    const { page, close } = await openPage(browser, fleet, { key: fleet.operator });
    await show(page, fleet, "/runs/new?target=role%3Ddb&app=backup&func=vacuum");
    await page.getByRole("button", { name: "Plan" }).press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await focused(page), "Plan");
    await close();
  });

  test("the strip of a run is walked with the arrow keys, and Enter opens the host's task", async () => {
    const { page, close } = await openPage(browser, fleet, { key: fleet.viewer });
    await show(page, fleet, `/runs/${fleet.found.done}`);
    await page.locator(".strip canvas").focus();
    await page.keyboard.press("ArrowRight");
    assert.match(await page.locator(".strip-cursor").innerText(), /^127\.0\.0\.10 · web-1 · wave 1 · done/);
    await page.keyboard.press("ArrowRight");
    assert.match(await page.locator(".strip-cursor").innerText(), /^127\.0\.0\.11 /);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/tasks\/[0-9A-F]{16}$/);
    await close();
  });

  test("what has the focus is seen", async () => {
    const { page, close } = await openPage(browser, fleet, { key: fleet.operator });
    await show(page, fleet, "/runs");
    for (let pressed = 0; pressed < 25; pressed++) {
      await page.keyboard.press("Tab");
      const outline = await page.evaluate(() => {
        const element = document.activeElement;
        const style = getComputedStyle(element);
        return element === document.body || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
      });
      assert.ok(outline, `the focus on "${await focused(page)}" is not seen`);
    }
    await close();
  });
}
