// Bundles the browser sources into the package: app.js and app.css for every page, charts and map as chunks loaded on
// demand, the map's worker as a file of its own (the page's policy allows no blob), and the licences of what is bundled.
import { build } from "esbuild";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { gzipSync } from "node:zlib";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(here, "../src/qingshan/faces/web/static/dist");
const staging = `${out}.tmp`;

const common = {
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  metafile: true,
  outdir: staging,
  absWorkingDir: here,
  legalComments: "none",
  logLevel: "warning",
};

/** Light tokens are the default; the dark block also answers to the system's wish, and paper is always light. */
async function tokens() {
  const text = await readFile(path.join(here, "src/style/tokens.css"), "utf8");
  const light = text.match(/:root\s*\{([\s\S]*?)\n\}/)[1];
  const dark = text.match(/\[data-theme="dark"\]\s*\{([\s\S]*?)\n\}/)[1];
  const colours = light.split("\n").filter((line) => line.includes("#")).join("\n");
  return `@media screen {\n${text.slice(text.indexOf(':root'))}\n}
@media print { :root {${light}} }
@media screen and (prefers-color-scheme: dark) { :root:not([data-theme="light"]) {${dark}} }
@media screen { :root[data-theme="light"] {${colours}} }`;
}

const tokenPlugin = {
  name: "tokens",
  setup(b) {
    b.onLoad({ filter: /tokens\.css$/ }, async () => ({ contents: await tokens(), loader: "css" }));
  },
};

async function licences(inputs) {
  const owners = new Set();
  for (const file of inputs) {
    const inside = file.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)\//);
    if (inside) owners.add(inside[1]);
  }
  const parts = [];
  for (const name of [...owners].sort()) {
    const folder = path.join(here, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
    const texts = (await readdir(folder)).filter((f) => /^(licen[cs]e|notice|copying)/i.test(f)).sort();
    const bodies = [];
    for (const f of texts) {
      try {
        bodies.push((await readFile(path.join(folder, f), "utf8")).trim());
      } catch (error) {
        if (error.code !== "EISDIR") throw error;
      }
    }
    parts.push(`${name} ${version} (${license})\n\n${bodies.join("\n\n")}`);
  }
  return parts.join(`\n\n${"-".repeat(80)}\n\n`) + "\n";
}

const named = (meta, entry) => {
  for (const [file, about] of Object.entries(meta.outputs)) if (about.entryPoint === entry) return path.basename(file);
  throw new Error(`no output for ${entry}`);
};

await rm(staging, { recursive: true, force: true });
await mkdir(staging, { recursive: true });

const worker = await build({
  ...common,
  entryPoints: { "map-worker": "node_modules/maplibre-gl/dist/maplibre-gl-worker.mjs" },
  entryNames: "[name]-[hash]",
});
const mapStyle = await build({
  ...common,
  entryPoints: { map: "src/style/map.css" },
  entryNames: "[name]-[hash]",
});
const app = await build({
  ...common,
  entryPoints: { app: "src/app.js", style: "src/style/app.css" },
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  splitting: true,
  plugins: [tokenPlugin],
  define: {
    MAP_WORKER: JSON.stringify(named(worker.metafile, "node_modules/maplibre-gl/dist/maplibre-gl-worker.mjs")),
    MAP_STYLE: JSON.stringify(named(mapStyle.metafile, "src/style/map.css")),
  },
});

const inputs = [worker, mapStyle, app].flatMap((r) => Object.keys(r.metafile.inputs));
await writeFile(path.join(staging, "licences.txt"), await licences(inputs));
const manifest = {
  "app.js": named(app.metafile, "src/app.js"),
  "app.css": named(app.metafile, "src/style/app.css"),
};
await writeFile(path.join(staging, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);

for (const [name, file] of Object.entries(manifest)) {
  const size = gzipSync(await readFile(path.join(staging, file))).length;
  console.log(`${name} ${(size / 1000).toFixed(1)} kB compressed`);
  if (size > 60_000) throw new Error(`${file} is ${size} bytes compressed; the first page may not grow past its budget`);
}

if (process.argv.includes("--check")) {
  await rm(staging, { recursive: true, force: true });
} else {
  await mkdir(path.dirname(out), { recursive: true });
  if (existsSync(out)) await rm(out, { recursive: true });
  const { rename } = await import("node:fs/promises");
  await rename(staging, out);
}
