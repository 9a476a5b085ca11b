// Enforces layers.json on a source tree: which folder may import which, and how.
//
//   node scripts/layers.mjs [SRC-FOLDER]     prints one line for each violation; exit status 1 if there are any
//
// Imports are found by their text: biome keeps every import and export statement at the start of a line.
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fail, filesBelow, isMain, ROOT } from "./project.mjs";

/** The outermost ring: the only one that may use Node and npm packages. */
const NODE_RING = 6;
const MAX_LINES = 800;

const STATEMENT = /^(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']|^import\s*["']([^"']+)["']/gm;
const EXPRESSION = /\bimport\(\s*["']([^"']+)["']/g;
const COMMENT_LINE = /^\s*(?:\/\/|\*|\/\*)/;

/** What a file imports, types included: specifier and line. */
export function importsOf(text) {
  const lineAt = (index) => text.slice(0, index).split("\n").length;
  const found = [];
  for (const match of text.matchAll(STATEMENT))
    found.push({ to: match[1] ?? match[2], line: lineAt(match.index) });
  for (const match of text.matchAll(EXPRESSION)) {
    const start = text.lastIndexOf("\n", match.index) + 1;
    if (!COMMENT_LINE.test(text.slice(start))) found.push({ to: match[1], line: lineAt(match.index) });
  }
  return found;
}

/** Folder → ring and the folders of the same ring that it may import. */
function folderTable(layers) {
  const table = new Map();
  for (const { ring, folders } of layers.rings) {
    for (const [name, sameRing] of Object.entries(folders)) table.set(name, { ring, sameRing });
  }
  return table;
}

/** `pattern` names a folder, or a folder inside one (`verifier/explain`). */
const within = (file, pattern) => file.startsWith(`${pattern}/`);

/** Every violation in the tree at `source`, as readable lines that begin with `file:line: rule:`. */
export function violations(layers, source) {
  const table = folderTable(layers);
  const files = filesBelow(".", source).filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"));
  const known = new Set(files);
  const graph = new Map();
  const found = [];

  for (const file of files) {
    const text = readFileSync(join(source, file), "utf8");
    const report = (line, rule, problem) => found.push(`${file}:${line}: ${rule}: ${problem}`);
    const lines = text.split("\n").length - 1;
    if (lines > MAX_LINES && !file.includes("/generated/")) {
      report(MAX_LINES, "size", `${lines} lines, at most ${MAX_LINES}`);
    }
    for (const match of text.matchAll(/^export \*/gm)) {
      report(text.slice(0, match.index).split("\n").length, "star", "an export list names what it exports");
    }
    const folder = file.includes("/") ? file.slice(0, file.indexOf("/")) : null;
    const here = folder === null ? { ring: NODE_RING, sameRing: [] } : table.get(folder);
    if (here === undefined) {
      report(1, "unknown", `folder '${folder}' is not in layers.json`);
      continue;
    }
    const edges = [];
    graph.set(file, edges);
    for (const { to, line } of importsOf(text)) {
      if (!to.startsWith(".")) {
        if (here.ring < NODE_RING) report(line, "package", `'${to}' below ring ${NODE_RING}`);
        continue;
      }
      const target = normalize(join(dirname(file), to)).replaceAll("\\", "/");
      if (!known.has(target)) {
        if (!target.endsWith(".d.ts")) report(line, "missing", `'${to}' is not a file of this tree`);
        continue;
      }
      edges.push({ target, line });
      const other = target.includes("/") ? target.slice(0, target.indexOf("/")) : null;
      if (other === folder) continue;
      if (other === null) {
        report(line, "upward", `a folder must not import '${target}'`);
        continue;
      }
      const there = table.get(other);
      if (there === undefined) continue;
      if (there.ring > here.ring)
        report(line, "upward", `${folder} (ring ${here.ring}) imports ${other} (ring ${there.ring})`);
      else if (there.ring === here.ring && folder !== null && !here.sameRing.includes(other)) {
        report(line, "same-ring", `${folder} must not import ${other}: both are of ring ${here.ring}`);
      }
      if (!target.endsWith("/index.ts"))
        report(line, "deep", `'${to}': import another folder only through its index.ts`);
    }
    for (const rule of layers.forbidden ?? []) {
      if (!rule.from.some((pattern) => within(file, pattern))) continue;
      for (const { target, line } of edges) {
        const bad = rule.to.find((pattern) => within(target, pattern));
        if (bad !== undefined) report(line, "forbidden", `must not import ${bad}: ${rule.because}`);
      }
    }
  }
  for (const cycle of cycles(graph)) found.push(`${cycle[0]}:1: cycle: ${[...cycle, cycle[0]].join(" → ")}`);
  return found;
}

/** One cycle for each strongly connected set of files (Tarjan's algorithm), starting at its first file by name. */
function cycles(graph) {
  const order = new Map();
  const low = new Map();
  const stack = [];
  const found = [];
  const visit = (file) => {
    order.set(file, order.size);
    low.set(file, order.get(file));
    stack.push(file);
    for (const { target } of graph.get(file) ?? []) {
      if (!graph.has(target)) continue;
      if (!order.has(target)) visit(target);
      if (stack.includes(target)) low.set(file, Math.min(low.get(file), low.get(target)));
    }
    if (low.get(file) !== order.get(file)) return;
    const members = stack.splice(stack.indexOf(file));
    const selfImport = graph.get(file).some(({ target }) => target === file);
    if (members.length > 1 || selfImport)
      found.push(shortestCycle(graph, members.sort()[0], new Set(members)));
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return found;
}

function shortestCycle(graph, start, members) {
  const from = new Map();
  const queue = [start];
  for (const file of queue) {
    for (const { target } of graph.get(file)) {
      if (target === start) {
        const path = [];
        for (let at = file; at !== undefined; at = from.get(at)) path.unshift(at);
        return path;
      }
      if (!members.has(target) || from.has(target)) continue;
      from.set(target, file);
      queue.push(target);
    }
  }
  return [start];
}

if (isMain(import.meta)) {
  const layers = JSON.parse(readFileSync(join(ROOT, "layers.json"), "utf8"));
  const found = violations(layers, process.argv[2] ?? join(ROOT, "src"));
  if (found.length > 0) fail(found.join("\n"));
}
