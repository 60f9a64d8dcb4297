// What the browser tests of the console share: the fleet, the browser, and what no page may ever do.
//
// $ELVES_BIN: the folder of the programs. $ELVES_CONSOLE_FLEET: a file with the line that a running fleet.py printed, in
// place of a fleet of the tests' own. $ELVES_CONSOLE_URL: another address of its console.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = new URL(".", import.meta.url);
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const START_MS = 180_000;
const PATIENCE_MS = 45_000; // a machine that builds meanwhile is slow

/** The line of a fleet.py, what steers its server, and what stops it all. A fleet of somebody else is only looked at. */
export async function startFleet() {
  const given = process.env.ELVES_CONSOLE_FLEET;
  if (given) {
    const fleet = JSON.parse(readFileSync(given, "utf8"));
    return { ...fleet, url: process.env.ELVES_CONSOLE_URL ?? fleet.url, stop: async () => undefined };
  }
  const child = spawn("python3", [fileURLToPath(new URL("fleet.py", here))], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([
    once(lines, "line", { signal: AbortSignal.timeout(START_MS) }),
    once(child, "exit").then(([code]) => {
      throw new Error(`fleet.py ended with ${code} before its fleet was up`);
    }),
  ]);
  return {
    ...JSON.parse(line),
    /** `kill` or `start`: what becomes of elvesd. Returns when it is done. */
    steerServer: async (command) => {
      child.stdin.write(`${command}\n`);
      await once(lines, "line", { signal: AbortSignal.timeout(START_MS) });
    },
    stop: async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}

export function launch() {
  return chromium.launch({ executablePath: process.env.ELVES_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
}

/** A browser's profile with one page that notes what it must not do: errors, reports of its CSP, requests to other origins. */
export async function openPage(browser, fleet, settings = {}) {
  const { key, viewport = { width: 1280, height: 800 }, theme = "light" } = settings;
  const context = await browser.newContext({ viewport, colorScheme: theme, reducedMotion: "reduce", acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const faults = [];
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    // A refusal that a test provokes is an HTTP status, which the browser logs.
    if (message.type() === "error" && !/status of 4\d\d|status of 503|ERR_CONNECTION|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE/.test(text)) faults.push(`console: ${text}`);
  });
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol !== "blob:" && origin !== new URL(fleet.url).origin) faults.push(`request to ${origin}`);
  });
  await page.addInitScript(() => {
    window.addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  if (key) await signIn(page, fleet, key);
  return { page, faults, close: () => context.close() };
}

export async function signIn(page, fleet, key) {
  await page.goto(fleet.url);
  await page.getByLabel("Key", { exact: true }).fill(key.key);
  await page.getByLabel("Token").fill(key.token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Now" }).waitFor();
}

/** Goes to a view and waits until it has read its data. */
export async function show(page, fleet, view) {
  await page.goto(new URL(`.${view}`, fleet.url).href);
  await settled(page);
}

export async function settled(page) {
  await page.locator("main h1").first().waitFor();
  await page.waitForFunction(() => !document.body.innerText.includes("Reading…") && !document.body.innerText.includes("Asking…"));
}

/** Serious and critical findings of axe, one line each. */
export async function axeFindings(page) {
  // The page's CSP lets no script in; this one is the test's, and comes by the debugger.
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.target.join(" ")).join(" | ")} ${nodes[0]?.failureSummary ?? ""}`);
}

export function assertNoFaults(faults, where) {
  assert.deepEqual(faults, [], where);
}

/** The views of the console, by the name of their screenshots. */
export function viewsOf({ found }) {
  return {
    now: "/",
    runs: "/runs",
    run: `/runs/${found.paused}`,
    "new-run": "/runs/new?target=role%3Dweb&app=nginx&func=reload&waves=1,50%25",
    task: `/tasks/${found.failed}`,
    tasks: "/tasks",
    hosts: "/hosts?target=env%3Dprod&by=role",
    host: "/hosts/at?ip=127.0.0.18",
    schedules: "/schedules",
    "cron-job": `/schedules/cron?ip=127.0.0.18&id=${found.cron}`,
    "scheduled-run": `/schedules/run/${found.schedule}`,
    "new-cron-job": "/schedules/cron/new?agentip=127.0.0.18",
    joins: "/joins",
    keys: "/keys",
    apps: "/apps",
    groups: "/groups",
    windows: "/windows",
    caps: "/caps",
    audit: "/audit",
    system: "/system",
  };
}

/** Calls a method with the page's session, as the page does. Throws where it is refused. */
export async function api(page, fleet, method, fields = {}) {
  const response = await page.request.post(new URL(`/api/${method.replace(".", "/")}`, fleet.url).href, {
    headers: { "X-Elves": "console" },
    data: fields,
  });
  const body = await response.json();
  if (!response.ok() || body.flag === "false") throw new Error(`${method}: ${response.status()} ${JSON.stringify(body)}`);
  return body;
}

/** Presses a button of the page, and the one of the dialog that it opens; `fill` answers the dialog's fields. */
export async function act(page, button, confirm, fill = {}) {
  await page.getByRole("main").getByRole("button", { name: button, exact: true }).click();
  const dialog = page.getByRole("dialog");
  for (const [label, value] of Object.entries(fill)) {
    const field = dialog.getByLabel(label, { exact: true });
    if ((await field.evaluate((element) => element.tagName)) === "SELECT") await field.selectOption(value);
    else await field.fill(value);
  }
  await dialog.getByRole("button", { name: confirm }).click();
  await dialog.waitFor({ state: "detached" });
}

export async function eventually(look, what, patience = PATIENCE_MS) {
  const until = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > until) throw new Error(`not within ${patience} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
