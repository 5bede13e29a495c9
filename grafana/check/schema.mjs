// Proves each dashboard against Grafana's own TypeScript schema: written into a .ts file as a
// literal, so that the compiler sees each enum's word and each name that no type has.
//
//   node grafana/check/schema.mjs [NODE_MODULES] [FOLDER]
//
// NODE_MODULES has @grafana/schema and typescript; without it NODE_PATH is asked. FOLDER is that of
// the dashboards; without it, it is the one beside. Ends with 1 if anything is wrong.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = findModules(process.argv[2]);
const folder = resolve(process.argv[3] ?? join(here, "..", "dashboards"));

const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
if (files.length === 0) fail(`no dashboard in ${folder}`);
const work = mkdtempSync(join(tmpdir(), "grafana-check-"));
try {
  const faults = check();
  faults.forEach((fault) => console.error(fault));
  if (faults.length === 0) console.log(`${files.length} dashboards are what Grafana's schema says: ${files.join(", ")}`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}

function check() {
  const written = new Map(files.map((name) => [name.replace(/\.json$/, ".ts"), literals(name)]));
  symlinkSync(modules, join(work, "node_modules"));
  writeFileSync(join(work, "shapes.ts"), readFileSync(join(here, "shapes.ts")));
  written.forEach((parts, name) => writeFileSync(join(work, name), parts.flatMap((part) => part.lines).join("\n")));
  const compilerOptions = {
    strict: true, noEmit: true, skipLibCheck: true, types: [],
    target: "es2022", module: "esnext", moduleResolution: "bundler",
  };
  writeFileSync(join(work, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const tsc = spawnSync(process.execPath, [join(modules, "typescript", "bin", "tsc"), "-p", work, "--pretty", "false"], {
    encoding: "utf8",
    cwd: work,
  });
  if (tsc.error) fail(`tsc does not start: ${tsc.error.message}`);
  if (tsc.status === 0) return [];
  return (tsc.stdout + tsc.stderr).split("\n").filter(Boolean).map((line) => placed(line, written));
}

// A dashboard as TypeScript: all but the panels, then each panel by its kind.
function literals(name) {
  const { panels, ...page } = JSON.parse(readFileSync(join(folder, name), "utf8"));
  const parts = [
    { of: name, lines: ['import type { Page, PanelOf } from "./shapes";'] },
    { of: name, lines: literal("page", page, "Page") },
  ];
  for (const panel of panels) {
    const lines = literal(`panel_${panel.id}`, panel, `PanelOf[${JSON.stringify(panel.type)}]`);
    parts.push({ of: `${name}, panel ${panel.id} "${panel.title}"`, lines });
  }
  return parts;
}

function literal(name, value, type) {
  return `export const ${name} = ${JSON.stringify(value, null, 2)} satisfies ${type};`.split("\n");
}

// The compiler's line, with the panel in place of the line of a file that is gone afterwards.
function placed(line, written) {
  const [, name, at, text] = /^(.+?)\((\d+),\d+\): (.*)$/.exec(line) ?? [];
  if (!written.has(name)) return line;
  let end = 0;
  const part = written.get(name).find((candidate) => (end += candidate.lines.length) >= Number(at));
  const where = part.lines[Number(at) - (end - part.lines.length) - 1].trim();
  return `${part.of}: at \`${where}\`: ${text}`;
}

function findModules(named) {
  const folders = named ? [named] : (process.env.NODE_PATH ?? "").split(delimiter).filter(Boolean);
  const found = folders.find((each) => existsSync(join(each, "@grafana", "schema", "package.json")));
  if (!found) fail("@grafana/schema is missing: name the node_modules that has it, or set NODE_PATH (./dev tools installs it)");
  return resolve(found);
}

function fail(why) {
  console.error(why);
  process.exit(2);
}
