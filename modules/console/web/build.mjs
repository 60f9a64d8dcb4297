// Bundles the console and writes its files, gzip'd, for the server: `node build.mjs --out FOLDER [--cpp FILE]`.
//
// The build fails where the first page is larger than its budget: a console is opened when something is wrong, over
// whatever line there is.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const MAX_FIRST_PAGE_BYTES = 60 * 1024;
const here = dirname(fileURLToPath(import.meta.url));

function option(name) {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

async function bundle() {
  const result = await build({
    absWorkingDir: here,
    entryPoints: { app: "src/main.tsx", style: "src/style.css" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    write: false,
    outdir: "out",
  });
  return Object.fromEntries(result.outputFiles.map((file) => [file.path.replace(/^.*\./, ""), Buffer.from(file.contents)]));
}

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

// A file whose name has its digest never changes; the index names those and is asked for again each time.
async function consoleFiles() {
  const { js, css } = await bundle();
  const names = { js: `app.${digest(js)}.js`, css: `style.${digest(css)}.css`, icon: "icon.svg" };
  const icon = readFileSync(join(here, "src/icon.svg"));
  const index = Buffer.from(
    readFileSync(join(here, "src/index.html"), "utf8")
      .replace("app.js", names.js)
      .replace("style.css", names.css),
  );
  return [
    { path: "/console/", type: "text/html; charset=utf-8", bytes: index, immutable: false },
    { path: `/console/${names.js}`, type: "text/javascript; charset=utf-8", bytes: js, immutable: true },
    { path: `/console/${names.css}`, type: "text/css; charset=utf-8", bytes: css, immutable: true },
    { path: `/console/${names.icon}`, type: "image/svg+xml", bytes: icon, immutable: false },
  ].map((file) => ({ ...file, gzip: gzipSync(file.bytes, { level: 9 }), etag: `"${digest(file.bytes)}"` }));
}

function sourceFile(files) {
  const body = (file, at) => {
    const rows = [];
    for (let from = 0; from < file.gzip.length; from += 32) rows.push([...file.gzip.subarray(from, from + 32)].join(","));
    return `constexpr unsigned char body_${at}[] = {\n${rows.join(",\n")}};\n`;
  };
  const row = (file, at) =>
    `    {${JSON.stringify(file.path)}, ${JSON.stringify(file.type)},\n` +
    `        {reinterpret_cast<char const*>(body_${at}), sizeof(body_${at})}, ${JSON.stringify(file.etag)}, ${file.immutable}},\n`;
  return (
    "// Written by modules/console/web/build.mjs.\n" +
    '#include "http/console_files.hpp"\n\n' +
    "namespace elves::http {\n\nnamespace {\n\n" +
    files.map(body).join("") +
    "\n// Not constexpr: bytes are reinterpreted as characters.\n" +
    `ConsoleFile const files[] = {\n${files.map(row).join("")}};\n\n} // namespace\n\n` +
    "std::span<ConsoleFile const> console_files() { return files; }\n\n} // namespace elves::http\n"
  );
}

const files = await consoleFiles();
const total = files.reduce((sum, file) => sum + file.gzip.length, 0);
for (const file of files) console.log(`${String(file.gzip.length).padStart(7)} bytes  ${file.path}`);
console.log(`${String(total).padStart(7)} bytes  gzip'd, of at most ${MAX_FIRST_PAGE_BYTES}`);
if (total > MAX_FIRST_PAGE_BYTES) {
  console.error(`The console's first page has ${total} bytes; expected at most ${MAX_FIRST_PAGE_BYTES}. Make it smaller.`);
  process.exit(1);
}

const cpp = option("--cpp");
if (cpp) {
  mkdirSync(dirname(cpp), { recursive: true });
  writeFileSync(cpp, sourceFile(files));
}
const out = option("--out");
if (out) {
  rmSync(out, { recursive: true, force: true });
  for (const file of files) {
    const name = join(out, file.path === "/console/" ? "console/index.html" : file.path);
    mkdirSync(dirname(name), { recursive: true });
    writeFileSync(name, file.bytes);
  }
}
