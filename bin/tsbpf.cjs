#!/usr/bin/env node
"use strict";
// Starts dist/tsbpf.cjs with the code that V8 compiled in an earlier run, so that nothing is parsed again.
//
// The compiled code is written when a run ends, one file for each command, as each uses other functions. It is
// only ever an aid: where a file is missing, foreign, damaged or outdated, V8 compiles the source.
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const DIST = path.join(__dirname, "..", "dist");
const BUNDLE = path.join(DIST, "tsbpf.cjs");
const KEEP_DAYS = 30;
const uid = process.geteuid === undefined ? -1 : process.geteuid();

/** Where compiled code is kept: beside the bundle, or, where that is read-only, in the user's cache folder. */
function places() {
  const found = [{ base: DIST, folder: path.join(DIST, "code-cache") }];
  const { XDG_CACHE_HOME: xdg, HOME: home } = process.env;
  if (xdg && path.isAbsolute(xdg)) found.push({ base: xdg, folder: path.join(xdg, "tsbpf") });
  else if (home && path.isAbsolute(home))
    found.push({ base: home, folder: path.join(home, ".cache", "tsbpf") });
  return found;
}

/** Compiled code is run, so it must be ours or root's, and nobody else's to write. */
function trusted(stat) {
  return uid < 0 || ((stat.uid === uid || stat.uid === 0) && (stat.mode & 0o022) === 0);
}

/** A sum over 32-bit words: V8 no longer checks the content, and a damaged file would crash it. */
function checksum(bytes) {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  let sum = bytes.length;
  for (let i = 0; i < words.length; i++) sum = (Math.imul(sum, 31) + words[i]) | 0;
  return sum;
}

/** The compiled code in `file`, or undefined: 8 bytes (the sum, zero), then what V8 gave. */
function read(file) {
  let fd;
  try {
    fd = fs.openSync(file, fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW || 0));
    const stat = fs.fstatSync(fd);
    if (!stat.isFile() || !trusted(stat) || stat.size < 16 || stat.size > 1 << 26) return undefined;
    const bytes = Buffer.from(new ArrayBuffer(stat.size));
    if (fs.readSync(fd, bytes, 0, stat.size, 0) !== stat.size) return undefined;
    const code = bytes.subarray(8);
    return checksum(code) === bytes.readInt32LE(0) ? code : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

function write(name, code) {
  const bytes = Buffer.from(new ArrayBuffer(8 + code.length));
  bytes.set(code, 8);
  bytes.writeInt32LE(checksum(bytes.subarray(8)), 0);
  for (const { base, folder } of places()) {
    try {
      // Under sudo, HOME may be another user's: nothing of root's belongs there.
      if (uid >= 0 && fs.statSync(base).uid !== uid) continue;
      fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
      const stat = fs.lstatSync(folder);
      if (!stat.isDirectory() || !trusted(stat)) continue;
      // Complete or absent: a reader at this moment must not see half of it.
      const temporary = path.join(folder, `${name}.${process.pid}`);
      fs.writeFileSync(temporary, bytes, { mode: 0o644, flag: "wx" });
      fs.renameSync(temporary, path.join(folder, name));
      removeOld(folder);
      return;
    } catch {
      // Read-only or full: the next place, or none.
    }
  }
}

/** What earlier versions left. */
function removeOld(folder) {
  for (const name of fs.readdirSync(folder)) {
    const file = path.join(folder, name);
    if (Date.now() - fs.lstatSync(file).mtimeMs > KEEP_DAYS * 86_400_000) fs.unlinkSync(file);
  }
}

function load(command) {
  // The bundle is pure ASCII, and latin1 is the cheapest way to a string. Its first line names the build: V8
  // checks its own version and flags, but the source only by its length.
  const source = fs.readFileSync(BUNDLE, "latin1");
  const name = `${source.slice(2, 18)}-${process.version}-${process.arch}-${command}`;
  const caching = process.env.TSBPF_NO_CODE_CACHE === undefined;
  let cachedData;
  for (const { folder } of caching ? places() : []) cachedData ??= read(path.join(folder, name));
  const script = new vm.Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
    filename: BUNDLE,
    cachedData,
  });
  if (caching && (cachedData === undefined || script.cachedDataRejected)) {
    process.once("exit", (status) => {
      // A mistyped command must not leave a file behind.
      if (status === 0) write(name, script.createCachedData());
    });
  }
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, BUNDLE, DIST);
  return module.exports;
}

if (!fs.existsSync(BUNDLE)) {
  process.stderr.write(`tsbpf: ${BUNDLE} is missing: run 'npm run build' first\n`);
  process.exit(1);
}
const argv = process.argv.slice(2);
const command = argv.find((argument) => /^[a-z][a-z0-9_]{0,15}$/.test(argument)) || "none";
load(command)
  .main(argv)
  .then((status) => {
    process.exitCode = status;
  });
