// Runs the browser tests of the console, one after the other, against one fleet: `node all.mjs [FILE…]`.
import { readdirSync } from "node:fs";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { launch, startFleet } from "./helper.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
// What changes the fleet comes after what only looks at it.
const ORDER = ["pages", "overview", "hostile", "keyboard", "actions", "live", "many_hosts"];
const place = (name) => ORDER.indexOf(name.split(".")[0]);
const wanted = process.argv.slice(2);
const files = readdirSync(here)
  .filter((name) => name.endsWith(".test.mjs") && (wanted.length === 0 || wanted.some((each) => name.startsWith(each))))
  .sort((a, b) => place(a) - place(b));

const fleet = await startFleet();
const browser = await launch();
after(async () => {
  await browser.close();
  await fleet.stop();
});
for (const file of files) {
  const { default: register } = await import(`./${file}`);
  register({ fleet, browser });
}
