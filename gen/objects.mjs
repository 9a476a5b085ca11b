// Compiles every *.bpf.c under examples/, testdata/objects/ and bench/ with clang (and, where a source asks for it, with
// gcc-bpf) and says which committed objects changed.
//
//   node gen/objects.mjs [--check] [NAME …]
//
// NAME limits the run to sources whose path contains it. With --check nothing is written and a difference is an
// error; where the compilers have another version than the one the committed objects name, --check skips.
//
// Objects of examples/NAME/ go to testdata/NAME/; those of the other folders stay beside their source.
// A source may carry lines of this form in its comments:
//
//   // build: SUFFIX COMPILER FLAGS…      also build NAME.SUFFIX.bpf.o; COMPILER is clang or gcc; SUFFIX - is NAME.bpf.o
//
// Without any, it is built once as `clang -mcpu=v3`. Paths are mapped away, so that no object names the machine
// that compiled it.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const check = process.argv.includes("--check");
const names = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));

/** What the committed objects were made with. */
const COMPILERS = { clang: "14.0.6", gcc: "12.2.0" };
const COMMANDS = { clang: "clang", gcc: "bpf-gcc" };

function versionOf(command) {
  const run = spawnSync(command, ["--version"], { encoding: "utf8" });
  return run.status === 0 ? (/\d+\.\d+\.\d+/.exec(run.stdout)?.[0] ?? "unknown") : undefined;
}

function sourcesUnder(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesUnder(path);
    return entry.name.endsWith(".bpf.c") ? [path] : [];
  });
}

function buildsOf(source) {
  const name = source.slice(source.lastIndexOf("/") + 1, -".bpf.c".length);
  const from = relative(root, dirname(source));
  const folder = from.startsWith("examples/") ? join("testdata", from.slice("examples/".length)) : from;
  const asked = [...readFileSync(source, "utf8").matchAll(/^[/ *]*build: (\S+) (clang|gcc)( .*)?$/gm)];
  if (asked.length === 0) asked.push(["", "-", "clang", "-mcpu=v3"]);
  return asked.map(([, suffix, compiler, flags]) => ({
    source: relative(root, source),
    object: join(folder, suffix === "-" ? `${name}.bpf.o` : `${name}.${suffix}.bpf.o`),
    compiler,
    flags: (flags ?? "").split(/\s+/).filter(Boolean),
  }));
}

const PREFIX = ["-O2", "-Wall", "-Werror", `-fdebug-prefix-map=${root}=.`];
// <asm/types.h> lives in the build machine's own folder, which no BPF target searches.
const HEADERS = ["/usr/include", "/usr/include/x86_64-linux-gnu", "/usr/include/aarch64-linux-gnu"]
  .filter(existsSync)
  .flatMap((folder) => ["-idirafter", folder]);

/** Runs a compiler in the root with a relative source, so that messages and debug information name it so. */
function run(build, args) {
  execFileSync(COMMANDS[build.compiler], [...PREFIX, ...HEADERS, ...args, ...build.flags], {
    cwd: root,
    stdio: ["ignore", "inherit", "pipe"],
  });
}

function compile(build, output) {
  if (build.compiler === "gcc") {
    // gcc writes its working directory into BTF, whatever the prefix map says; preprocessed text can name another.
    const text = `${output}.i`;
    run(build, ["-fworking-directory", "-E", build.source, "-o", text]);
    writeFileSync(text, readFileSync(text, "utf8").replaceAll(`"${root}//"`, '".//"'));
    run(build, ["-c", text, "-o", output]);
    return;
  }
  const target = build.flags.includes("-target") ? [] : ["-target", "bpf"];
  const debug = build.flags.some((flag) => flag.startsWith("-g")) ? [] : ["-g"];
  run(build, [...target, ...debug, "-c", build.source, "-o", output]);
}

const available = {};
for (const [compiler, command] of Object.entries(COMMANDS)) {
  const version = versionOf(command);
  available[compiler] = version !== undefined && (!check || version === COMPILERS[compiler]);
  if (version === undefined) console.log(`skipped: ${command} is not installed`);
  else if (version !== COMPILERS[compiler]) {
    console.log(
      `${check ? "skipped" : "note"}: ${command} is ${version}, the objects were made with ${COMPILERS[compiler]}`,
    );
  }
}

const scratch = mkdtempSync(join(tmpdir(), "objects-"));
let changed = 0;
let same = 0;
let failed = 0;
try {
  const sources = [
    ...sourcesUnder(join(root, "examples")),
    ...sourcesUnder(join(root, "testdata", "objects")),
    ...sourcesUnder(join(root, "bench")),
  ].sort();
  for (const build of sources.flatMap(buildsOf)) {
    if (names.length > 0 && !names.some((name) => build.source.includes(name))) continue;
    if (!available[build.compiler]) continue;
    // gcc 12 orders BTF strings by address, so no two runs agree: such an object is made again only when named.
    if (build.compiler === "gcc" && build.flags.includes("-gbtf") && names.length === 0) {
      if (existsSync(join(root, build.object))) continue;
    }
    const output = join(scratch, "object.o");
    try {
      compile(build, output);
    } catch (error) {
      failed++;
      console.log(`failed: ${build.object}\n${error.stderr}`);
      continue;
    }
    const bytes = readFileSync(output);
    if (bytes.includes(root)) {
      failed++;
      console.log(`failed: ${build.object} contains the path ${root}`);
      continue;
    }
    const target = join(root, build.object);
    if (existsSync(target) && readFileSync(target).equals(bytes)) {
      same++;
      continue;
    }
    changed++;
    console.log(
      `${check ? "differs" : existsSync(target) ? "changed" : "new"}: ${build.object} (${bytes.length} bytes)`,
    );
    if (!check) writeFileSync(target, bytes);
  }
} finally {
  rmSync(scratch, { recursive: true });
}
console.log(`objects: ${same} unchanged, ${changed} ${check ? "differ" : "written"}, ${failed} failed`);
process.exitCode = failed > 0 || (check && changed > 0) ? 1 : 0;
