// What workers print is text, whatever it is.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { assertNoFaults, axeFindings, eventually, openPage, show } from "./helper.mjs";

const output = (page) => page.locator("pre.printed");

export default function register({ fleet, browser }) {
  test("scripts, images, links and terminal sequences of a worker are shown, and nothing of them happens", async () => {
    const { page, faults, close } = await openPage(browser, fleet, { key: fleet.admin });
    await show(page, fleet, `/tasks/${fleet.found.hostile}`);
    await page.getByRole("button", { name: "Earlier" }).click();
    await eventually(async () => (await output(page).innerText()).includes("<script>"), "the first window");
    const text = await output(page).innerText();
    assert.ok(text.includes("<script>window.stolen = 1</script>"));
    assert.ok(text.includes('<img src=x onerror="window.stolen = 1">'));
    assert.ok(text.includes("\\x1b[2J\\x1b[H\\x1b]8;;javascript:window.stolen=1\\x07a link"));
    assert.ok(text.includes("user\\u202egnp.exe \\u2066isolated\\u2069 \\u200fmark"));
    assert.ok(text.includes("bell \\x07 backspace \\x08\\x08\\x08, return\\rover, nul \\x00, c1 \\x9b31m"));
    assert.equal(await page.evaluate(() => window.stolen), undefined);
    assert.equal(await page.locator("main script, main img, pre a, pre svg").count(), 0);
    assert.ok((await page.evaluate(() => document.querySelectorAll("*").length)) < 2_000);
    assert.deepEqual(await axeFindings(page), []);
    for (const view of ["/", "/tasks", "/hosts/at?ip=127.0.0.10"]) {
      await show(page, fleet, view);
      assert.ok(!/[\u202e\u2066]/.test(await page.locator("main").innerText()), view);
      assert.equal(await page.evaluate(() => window.stolen), undefined);
    }
    assertNoFaults(faults, "hostile output");
    await close();
  });

  test("the 16 colours are classes, and other sequences are text", async () => {
    const { page, faults, close } = await openPage(browser, fleet, { key: fleet.admin });
    await show(page, fleet, `/tasks/${fleet.found.colours}`);
    await eventually(async () => (await output(page).innerText()).includes("colour 97"), "the output");
    for (let colour = 0; colour < 16; colour++) assert.ok((await page.locator(`pre .ansi-fg-${colour}`).count()) >= 1, `colour ${colour}`);
    assert.ok((await output(page).innerText()).includes("\\x1b]0;stolen\\x07"));
    assertNoFaults(faults, "colours");
    await close();
  });

  test("a large output is read in windows, searched, walked through and downloaded", async () => {
    const { page, faults, close } = await openPage(browser, fleet, { key: fleet.admin });
    await show(page, fleet, `/tasks/${fleet.found.large}`);
    const foot = page.locator(".output-foot");
    const [, shownTo, size] = /to ([\d,]+) of ([\d,]+)/.exec(await foot.innerText());
    assert.equal(shownTo, size, "it begins at the end");
    const total = Number(size.replaceAll(",", ""));
    assert.ok((await output(page).innerText()).length <= 65_536 + 100);

    await page.keyboard.press("/");
    await page.keyboard.type("line 0001234");
    await page.keyboard.press("Enter");
    await page.locator("mark.current").waitFor();
    assert.equal(await page.locator("mark.current").innerText(), "line 0001234");

    await page.getByRole("button", { name: "Later" }).click();
    await eventually(async () => !(await output(page).innerText()).includes("line 0001234"), "the next window");
    await page.getByRole("button", { name: "Earlier" }).click();
    await eventually(async () => (await output(page).innerText()).includes("line 0001234"), "the window before");

    const waiting = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download" }).click();
    const download = await waiting;
    assert.equal(download.suggestedFilename(), `${fleet.found.large}.stdout.txt`);
    const saved = readFileSync(await download.path());
    assert.equal(saved.length, total);
    assert.ok(saved.toString().startsWith("line 0000000 of a log"));
    assertNoFaults(faults, "large output");
    await close();
  });
}
