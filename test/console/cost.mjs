// What the console costs the browser: `node cost.mjs [--minutes N] [--megabytes N]`. Prints figures; fails where one is past its
// bound. ./dev console-cost
import { api, eventually, launch, openPage, show, startFleet } from "./helper.mjs";

const MIB = 1_048_576;
const MAX_HEAP = 50 * MIB;
const MAX_NODES = 2_000;

function option(name, usual) {
  const at = process.argv.indexOf(name);
  return at < 0 ? usual : Number(process.argv[at + 1]);
}

const minutes = option("--minutes", 10);
const megabytes = option("--megabytes", 100);
const faults = [];

/** What lives, and not what waits to be collected. */
async function heapOf(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize;
}

const nodesOf = (page) => page.evaluate(() => document.querySelectorAll("*").length);

function bounded(what, value, most, unit) {
  const shown = unit === "MiB" ? (value / MIB).toFixed(1) : String(Math.round(value));
  console.log(`${what}: ${shown} ${unit}`);
  if (value > most) faults.push(`${what} is over its bound`);
}

async function largeTask(fleet, browser) {
  const { page, close } = await openPage(browser, fleet, { key: fleet.admin });
  const { info } = await api(page, fleet, "sheduler.sendasync", {
    agentip: "127.0.0.11",
    ins: { app: "printer", func: "large", param: String(megabytes * 1_000_000), timeout: 600 },
  });
  await show(page, fleet, `/tasks/${info.id}`);
  await eventually(async () => (await page.locator(".lead .state").innerText()).trim() === "done", `${megabytes} MB to be printed`, 600_000);
  bounded(`heap after ${megabytes} MB were printed before the reader's eyes`, await heapOf(page), MAX_HEAP, "MiB");
  const begin = Date.now();
  await page.reload();
  await page.locator("pre.printed").waitFor();
  bounded("the page of that task is there after", Date.now() - begin, 20_000, "ms");
  console.log(`it shows ${await page.locator(".output-foot").innerText()}`);
  bounded("nodes", await nodesOf(page), MAX_NODES, "nodes");
  bounded("heap", await heapOf(page), MAX_HEAP, "MiB");
  await close();
}

/** Now beside a run that starts a host every second, and that run's own page. */
async function openFor(fleet, browser) {
  const { page, close } = await openPage(browser, fleet, { key: fleet.admin });
  const other = await page.context().newPage();
  const ins = { app: "disk", func: "sleep", param: "1" };
  const begin = async () => (await api(page, fleet, "run.startrun", { target: "role=web or role=db", ins, parallel: 1, max_fail: "100%" })).id;
  let run = await begin();
  await show(other, fleet, `/runs/${run}`);
  await show(page, fleet, "/");
  const until = Date.now() + minutes * 60_000;
  const first = { now: await heapOf(page), run: await heapOf(other) };
  while (Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(20_000, Math.max(1, until - Date.now()))));
    const { run: state } = await api(page, fleet, "run.getrun", { id: run });
    if (state.end_time === "") continue;
    run = await begin();
    await other.goto(new URL(`./runs/${run}`, fleet.url).href);
  }
  for (const [name, shown] of [["now", page], ["run", other]]) {
    console.log(`${name}: heap at first ${(first[name] / MIB).toFixed(1)} MiB`);
    bounded(`${name}: heap after ${minutes} min`, await heapOf(shown), MAX_HEAP, "MiB");
    bounded(`${name}: nodes`, await nodesOf(shown), MAX_NODES, "nodes");
  }
  await close();
}

/** The page of all tasks, when there are a million of them. */
async function manyTasks(fleet, browser) {
  const count = 1_000_000;
  await fleet.steerServer("kill");
  await fleet.steerServer(`fill ${count}`);
  await fleet.steerServer("start");
  const { page, close } = await openPage(browser, fleet, { key: fleet.admin });
  for (const [what, view] of [["tasks", "/tasks"], ["tasks that failed", "/tasks?status=failed"]]) {
    const begin = Date.now();
    await show(page, fleet, view);
    await page.locator("tbody tr").nth(50).waitFor();
    bounded(`${what}: of ${count} the page is there after`, Date.now() - begin, 1_000, "ms");
  }
  await close();
}

const fleet = await startFleet();
const browser = await launch();
try {
  await largeTask(fleet, browser);
  await openFor(fleet, browser);
  await manyTasks(fleet, browser);
} finally {
  await browser.close();
  await fleet.stop();
}
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
