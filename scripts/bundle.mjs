// Makes the command line one file of parts, which bin/tsbpf.cjs loads one by one as they are needed.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { ROOT } from "./project.mjs";

/** Node 20 of the V8 kind: nothing is rewritten to older syntax. */
const TARGET = "node20.19";

/** The bundle of `src/node/main.ts` as bytes. */
export async function bundleCommandLine() {
  const esbuild = await import("esbuild");
  const { outputFiles, metafile } = await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: ["src/node/main.ts"],
    outdir: "parts",
    bundle: true,
    // What only some commands need becomes parts of its own, where an import() asks for it.
    splitting: true,
    format: "esm",
    platform: "node",
    target: TARGET,
    // Optional packages are found at run time, or their absence is explained there.
    packages: "external",
    logOverride: { "empty-import-meta": "error" },
    write: false,
    metafile: true,
    logLevel: "warning",
  });
  refuseVariables(Object.keys(metafile.inputs));
  const parts = [];
  for (const { path, text } of outputFiles) {
    const { code } = await esbuild.transform(withPlainBindings(text), {
      format: "cjs",
      target: TARGET,
      // A script with cached code cannot use import() on Node 20: it becomes a require() that runs as late.
      supported: { "dynamic-import": false },
      // Only ASCII: the launcher reads the file as bytes that are characters.
      charset: "ascii",
      minifySyntax: true,
      // Names stay: stack traces of a bug are worth more than their bytes.
      minifyWhitespace: true,
      legalComments: "none",
    });
    parts.push({ name: `./${basename(path)}`, code });
  }
  return joined(parts);
}

/**
 * The text of a part, with what it takes from other parts in variables of its own, and what it gives as properties.
 * esbuild would make getters, and each use of an import a call of one: that costs more than most of what hot loops do.
 *
 * A variable that changes after its part has run would not be seen to change: see `refuseVariables`.
 */
export function withPlainBindings(text) {
  const given = [];
  const plain = text
    .replace(/^import \{([^}]*)\} from ("\.\/[^"]+");$/gm, (_, names, part) => {
      const bindings = names.replace(/(\S+) as (\S+?)(,|\s|$)/g, "$1: $2$3");
      return `var {${bindings}} = require(${part});`;
    })
    .replace(/^import ("\.\/[^"]+");$/gm, "require($1);")
    .replace(/^export \{([^}]*)\};$/gm, (_, names) => {
      for (const name of names.split(",")) {
        const [local, as = local] = name.trim().split(/\s+as\s+/);
        if (local !== "") given.push([local, as]);
      }
      return `module.exports = {${given.map(([local, as]) => `${as}: ${local}`).join(", ")}};`;
    });
  const rest = /^(?:import[^(]*from "\.|export )/m.exec(plain);
  if (rest !== null) throw new Error(`a part of the bundle has an unexpected line: ${rest[0]}`);
  return plain;
}

/** @throws Error where a module exports what may change. */
function refuseVariables(modules) {
  for (const module of modules) {
    const text = readFileSync(join(ROOT, module), "utf8");
    const variables = [...text.matchAll(/^(?:let|var) (\w+)/gm)].map(([, name]) => name);
    const listed = [...text.matchAll(/^export \{([^}]*)\};?$/gm)].flatMap(([, names]) => names.match(/\w+/g));
    const [name] = text.match(/^export (?:let|var) .*/m) ?? variables.filter((each) => listed.includes(each));
    if (name !== undefined) throw new Error(`${module} exports a variable, which the bundle cannot: ${name}`);
  }
}

/**
 * The file of `parts`: the name of the build in a comment, in another one the table of the parts (`name` to the
 * position of its first byte behind the first line, its length in bytes, and the lines before it), then the parts.
 *
 * What was compiled from another build is never taken for this one: the name is a hash of everything.
 */
export function joined(parts) {
  const table = {};
  let body = "";
  let lines = 1;
  for (const { name, code } of parts) {
    table[name] = [body.length, code.length, lines];
    body += code.endsWith("\n") ? code : `${code}\n`;
    lines += code.split("\n").length - (code.endsWith("\n") ? 1 : 0);
  }
  const index = JSON.stringify(table);
  const build = createHash("sha256").update(index).update(body).digest("hex").slice(0, 16);
  return Buffer.from(`/*${build}*//*${index}*/\n${body}`, "latin1");
}
