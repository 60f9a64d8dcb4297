// Each action of each page, against a real server, looked up there afterwards.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { act, api, assertNoFaults, eventually, openPage, settled, show } from "./helper.mjs";

const SLEEP = { target: "role=cache", ins: { app: "disk", func: "sleep", param: "60" } };

export default function register({ fleet, browser }) {
  /** A test of a signed-in admin's page, which must end without faults. */
  const action = (name, body) =>
    test(name, async () => {
      const { page, faults, close } = await openPage(browser, fleet, { key: fleet.admin });
      await body(page, (method, fields) => api(page, fleet, method, fields));
      assertNoFaults(faults, name);
      await close();
    });
  const runState = async (call, id) => (await call("run.getrun", { id })).run.state;
  const row = (page, text) => page.locator("tbody tr").filter({ hasText: text });

  action("a run is paused, resumed and stopped", async (page, call) => {
    const { id } = await call("run.startrun", { ...SLEEP, parallel: 1, max_fail: "100%" });
    await show(page, fleet, `/runs/${id}`);
    await act(page, "Pause", "Pause", { Why: "look first" });
    assert.equal(await runState(call, id), "paused");
    await act(page, "Resume", "Resume");
    await eventually(async () => (await runState(call, id)) === "running", "it to go on");
    await act(page, "Stop", "Stop");
    await call("run.steerrun", { id, do: "cancel" });
    await page.getByText("It was canceled.").waitFor();
  });

  action("a run that failed too often is resumed with another max_fail", async (page, call) => {
    await show(page, fleet, `/runs/${fleet.found.paused}`);
    await act(page, "Resume", "Resume", { "Failures that are tolerated from now on": "5" });
    await eventually(async () => (await runState(call, fleet.found.paused)) === "partial", "it to end");
    await page.getByText("It went to its end, and not every host is done.").waitFor();
  });

  action("a run is canceled, and what runs with it", async (page, call) => {
    const { id } = await call("run.startrun", SLEEP);
    await show(page, fleet, `/runs/${id}`);
    await act(page, "Cancel the run", "Cancel the run");
    await eventually(async () => (await runState(call, id)) === "canceled", "it to end");
    const { hosts } = await call("run.listrunhosts", { id });
    assert.ok(hosts.every((host) => host.state === "canceled"));
  });

  action("a run is retried on the hosts that failed", async (page, call) => {
    await show(page, fleet, `/runs/${fleet.found.partial}`);
    await page.getByRole("button", { name: "Retry" }).click();
    const dialog = page.getByRole("dialog");
    assert.ok(await dialog.getByLabel(/^failed/).isChecked());
    assert.ok(!(await dialog.getByLabel(/^undelivered/).isChecked()));
    await dialog.getByRole("button", { name: /^Retry on/ }).click();
    await page.waitForURL((url) => url.pathname.includes("/runs/") && !url.pathname.endsWith(fleet.found.partial));
    const { run } = await call("run.getrun", { id: page.url().slice(-16) });
    assert.equal(run.of, fleet.found.partial);
    const before = await call("run.getrun", { id: fleet.found.partial });
    assert.equal(run.count, before.run.counts.failed);
  });

  action("what a plan showed is what starts: another digest is refused", async (page, call) => {
    await show(page, fleet, "/runs/new?target=env%3Dtest&app=nginx&func=reload");
    await page.getByRole("button", { name: "Plan" }).click();
    const dialog = page.getByRole("dialog");
    const count = (await call("run.planrun", { target: "env=test", ins: { app: "nginx", func: "reload" } })).count;
    await dialog.getByText(`${count} hosts:`).waitFor();
    await call("fleet.setlabels", { target: "127.0.0.12", labels: { env: "test" } });
    await dialog.getByLabel(/^Type the number/).fill(count);
    await dialog.getByRole("button", { name: /^Start/ }).click();
    await dialog.getByRole("alert").getByText("409.2").waitFor();
    await call("fleet.setlabels", { target: "127.0.0.12", labels: { env: "prod" } });
  });

  action("an invalid target is refused with its column, while it is typed", async (page) => {
    await show(page, fleet, "/runs/new");
    await page.getByLabel("Target", { exact: true }).fill("evn=prod");
    await page.locator(".preview").getByRole("alert").getByText("403.11").waitFor();
  });

  action("a task is canceled, and repeated", async (page, call) => {
    const { info } = await call("sheduler.sendasync", { agentip: "127.0.0.22", ins: SLEEP.ins });
    await show(page, fleet, `/tasks/${info.id}`);
    await act(page, "Cancel the task", "Cancel the task");
    await page.locator(".lead .state", { hasText: "canceled" }).waitFor();
    await act(page, "Repeat", "Repeat", { Timeout: "30" });
    await page.waitForURL((url) => !url.pathname.endsWith(info.id));
    const again = page.url().slice(-16);
    const { info: tasks } = await call("tasklog.gettaskbyids", { id: [again] });
    assert.equal(tasks[0].param, "60");
    await call("sheduler.canceltask", { id: again });
  });

  action("a host is labelled, and a group of hosts", async (page, call) => {
    await show(page, fleet, "/hosts/at?ip=127.0.0.20");
    await act(page, "Label", "Label 1 host", { Set: "tier=gold", "Take away": "" });
    await page.locator(".tag", { hasText: "tier=gold" }).waitFor();
    await show(page, fleet, "/hosts?target=role%3Dbuild");
    await act(page, "Label", "Label 2 hosts", { Set: "tier=silver" });
    await eventually(async () => (await call("fleet.findagents", { target: "tier=silver" })).count === "2", "two silver hosts");
  });

  action("a machine that is away is forgotten, after the page said what goes with it", async (page, call) => {
    await show(page, fleet, "/hosts/at?ip=127.0.0.29");
    await page.getByRole("main").getByRole("button", { name: "Forget" }).click();
    await page.getByRole("dialog").getByText("Inventory record").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Forget" }).click();
    await page.waitForURL(/\/hosts$/);
    const { agents } = await call("heartbeat.listagents", { status: "offline" });
    assert.ok(!agents.some((agent) => agent.agentip === "127.0.0.29"));
  });

  action("a cron job is set, paused, started, run, changed and deleted", async (page, call) => {
    await show(page, fleet, "/schedules/cron/new?agentip=127.0.0.19");
    await page.getByLabel("Name").fill("nightly");
    await page.getByLabel("App", { exact: true }).fill("backup");
    await page.getByLabel("Function").fill("vacuum");
    await page.getByLabel("Rule").fill("0 0 2 ? * MON-FRI");
    await page.getByText("at 02:00, on Monday to Friday").waitFor();
    await page.getByRole("button", { name: "Set the job" }).click();
    await page.getByRole("heading", { name: "nightly on 127.0.0.19" }).waitFor();
    assert.equal(await page.locator(".next-times li").count(), 5);
    const id = new URL(page.url()).searchParams.get("id");
    const job = async () => (await call("cron.listcrons", { agentip: "127.0.0.19", id })).cron_list[0];
    await act(page, "Pause", "Pause");
    assert.equal((await job()).cron_flag, "0");
    await act(page, "Start", "Start");
    assert.equal((await job()).cron_flag, "1");
    await act(page, "Run now", "Run now");
    await page.waitForURL(/\/tasks\/[0-9A-F]{16}$/);
    await show(page, fleet, `/schedules/cron/edit?ip=127.0.0.19&id=${id}`);
    await eventually(async () => (await page.getByLabel("Rule").inputValue()) !== "", "the job in the form");
    await page.getByLabel("Rule").fill("0 0 4 * * ?");
    await page.getByRole("button", { name: "Save the job" }).click();
    await page.getByText("at 04:00, every day").waitFor();
    assert.equal((await job()).rule, "0 0 4 * * ?");
    await act(page, "Delete", "Delete");
    await page.waitForURL(/\/schedules$/);
    assert.equal(await job(), undefined);
  });

  action("a scheduled run is set, paused, started, changed and deleted", async (page, call) => {
    await show(page, fleet, "/schedules/new?target=%40web&app=nginx&func=reload&rule=0%200%205%20*%20*%20%3F");
    await page.getByRole("button", { name: "Save the schedule" }).click();
    await page.waitForURL(/\/schedules\/run\/[0-9A-F]{16}$/);
    const id = page.url().slice(-16);
    const schedule = async () => (await call("run.listschedules", { id })).schedules[0];
    await page.getByText("at 05:00, every day").waitFor();
    await act(page, "Pause", "Pause");
    assert.equal((await schedule()).on, "false");
    await act(page, "Start", "Start");
    assert.equal((await schedule()).on, "true");
    await page.getByRole("link", { name: "Change" }).click();
    await eventually(async () => (await page.getByLabel("Rule").inputValue()) === "0 0 5 * * ?", "the schedule in the form");
    await page.getByLabel("Hosts at once", { exact: true }).fill("3");
    await page.getByRole("button", { name: "Save the schedule" }).click();
    await page.waitForURL(new RegExp(`/schedules/run/${id}$`));
    assert.equal((await schedule()).parallel, "3");
    await act(page, "Delete", "Delete");
    await page.waitForURL(/\/schedules$/);
    assert.equal(await schedule(), undefined);
  });

  action("a machine is accepted only with its fingerprint", async (page, call) => {
    await show(page, fleet, "/joins");
    const { joins } = await call("supervisor.listjoins");
    const join = joins.find((each) => each.asset === "web-9");
    await page.getByRole("button", { name: `Reject ${join.agentip}` }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
    await row(page, "web-9").getByText("rejected").waitFor();
    assert.ok(!(await page.locator("main").innerText()).includes(join.fingerprint), "the page shows no whole fingerprint");
    await page.getByRole("button", { name: `Accept ${join.agentip}` }).click();
    const dialog = page.getByRole("dialog");
    const end = join.fingerprint.slice(-4);
    await dialog.getByLabel("The last four characters").fill(end === "0000" ? "1111" : "0000");
    await dialog.getByRole("button", { name: "Accept" }).click();
    await dialog.getByRole("alert").waitFor();
    await dialog.getByLabel("The last four characters").fill(end);
    await dialog.getByRole("button", { name: "Accept" }).click();
    await dialog.waitFor({ state: "detached" });
    await eventually(async () => (await call("heartbeat.getstatbyip", { agentip: join.agentip })).status === "online", "the machine to come", 90_000);
  });

  action("a join token is made, shown once, and deleted", async (page) => {
    await show(page, fleet, "/joins");
    await act(page, "New join token", "Make the token", { "What it is for": "rack 7", "For all machines of": "127.0.0.0/24" });
    assert.match(await page.locator(".secret").innerText(), /^elvjoin_/);
    await page.getByRole("button", { name: "I have it" }).click();
    assert.equal(await page.locator(".secret").count(), 0);
    await row(page, "rack 7").getByRole("button", { name: "Delete rack 7" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await row(page, "rack 7").waitFor({ state: "detached" });
  });

  action("a key is made, changed, given another token, and deleted", async (page, call) => {
    await show(page, fleet, "/keys");
    await act(page, "New key", "Make the key", { "Whose it is": "ci", Role: "operator", Apps: "nginx, backup", Addresses: "127.0.0.0/24", "Quota: cron jobs": "5" });
    const token = await page.locator(".secret").innerText();
    assert.match(token, /^elv_/);
    const key = (await call("supervisor.listkeys")).keys.find((each) => each.name === "ci");
    assert.deepEqual([key.role, key.apps, key.iplist, key.quota.cron_jobs], ["operator", ["nginx", "backup"], ["127.0.0.0/24"], "5"]);
    await page.getByRole("button", { name: "I have it" }).click();
    await page.getByRole("button", { name: "Change ci" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Apps", { exact: true }).fill("nginx");
    await dialog.getByLabel("Enabled").selectOption("false");
    await dialog.getByRole("button", { name: "Save" }).click();
    await row(page, key.key).getByText("disabled").waitFor();
    const changed = (await call("supervisor.getauthbykey", { key: key.key })).auth;
    assert.deepEqual([changed.apps, changed.enabled, changed.quota.cron_jobs], [["nginx"], "false", "5"]);
    await page.getByRole("button", { name: "New token for ci" }).click();
    await dialog.getByRole("button", { name: "Make the token" }).click();
    await page.locator(".secret").waitFor();
    assert.notEqual(await page.locator(".secret").innerText(), token);
    await page.getByRole("button", { name: "I have it" }).click();
    await page.getByRole("button", { name: "Delete ci" }).click();
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete ci" }).waitFor({ state: "detached" });
  });

  const records = [
    ["groups", "New group", { Name: "ams", Target: "idc=ams2", Note: "" }, "Target", "idc=fra1", "fleet.getgroup", "groups", "target"],
    ["windows", "New window", { Name: "lunch", Target: "all", Apps: "deploy", "Closes at the times of a rule": "0 0 12 * * ?", "And stays closed for": "3600" }, "And stays closed for", "1800", "run.listwindows", "windows", "lasts"],
    ["caps", "New cap", { Name: "slow", Target: "role=db", "At most": "2", "Counted for": "host" }, "At most", "3", "run.listcaps", "caps", "most"],
    ["apps", "New processor", { App: "deploy", Address: "127.0.0.1", Port: "9000" }, "Port", "9001", "supervisor.listapps", "apps", "appport"],
  ];
  for (const [view, button, fields, changed, value, method, list, field] of records) {
    action(`${view}: one is made, changed and deleted`, async (page, call) => {
      const name = fields.Name ?? fields.App;
      const find = async () => (await call(method, view === "groups" ? { name } : {}))[list].find((each) => (each.name ?? each.appname) === name);
      await show(page, fleet, `/${view}`);
      await act(page, button, "Save", fields);
      await row(page, name).first().waitFor();
      await page.getByRole("button", { name: `Change ${name}` }).click();
      await page.getByRole("dialog").getByLabel(changed, { exact: true }).fill(value);
      await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.equal((await find())[field], value);
      await page.getByRole("button", { name: `Delete ${name}` }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await settled(page);
      await row(page, name).waitFor({ state: "detached" });
    });
  }

  action("a refusal is shown where it was caused, with its code, and nothing is lost that was typed", async (page) => {
    await show(page, fleet, "/groups");
    await page.getByRole("button", { name: "New group" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("loop");
    await dialog.getByLabel("Target").fill("@loop");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByRole("alert").waitFor();
    assert.equal(await dialog.getByLabel("Target").inputValue(), "@loop");
  });

  action("the audit trail is filtered, verified and exported", async (page, call) => {
    await show(page, fleet, "/audit?method=startrun");
    assert.ok((await page.locator("tbody tr").count()) >= 1);
    await page.getByRole("button", { name: "Verify the chain" }).click();
    await page.getByText(/^\s*[\d,]+ rows hold$/).waitFor();
    const waiting = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export" }).click();
    const download = await waiting;
    const lines = readFileSync(await download.path(), "utf8").trim().split("\n").map((line) => JSON.parse(line));
    assert.ok(lines.length >= 1);
    assert.ok(lines.every((line) => line.method === "run.startrun"));
    const { rows } = await call("elves.listaudit", { method: "startrun", order: "oldest", limit: 1 });
    assert.equal(lines[0].seq, rows[0].seq);
  });
}
