#!/usr/bin/env node
"use strict";
// Starts dist/tsbpf.cjs, a file of parts (see scripts/bundle.mjs), with the code that V8 compiled in an earlier run:
// a run reads only the parts that it uses, and parses none again.
//
// The compiled code is written when a run ends, one file for each command, as each uses other functions. It is
// only ever an aid: where a file is missing, foreign, damaged or outdated, V8 compiles the source.
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const DIST = path.join(__dirname, "..", "dist");
const BUNDLE = path.join(DIST, "tsbpf.cjs");
const MAIN = "./main.js";
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
  for (let i = words.length << 2; i < bytes.length; i++) sum = (Math.imul(sum, 31) + bytes[i]) | 0;
  return sum;
}

/**
 * Compiled code of the parts of one command: in `file` stand the size of a table and its sum, the table as JSON (name
 * of a part to position, size and sum of its code), and the code, all at multiples of 8 bytes.
 */
class CompiledParts {
  #bytes;
  #table = {};

  constructor(bytes) {
    this.#bytes = bytes;
    if (bytes === undefined) return;
    const size = bytes.readUInt32LE(0);
    const table = bytes.subarray(8, 8 + size);
    if (size === 0 || size !== table.length || checksum(table) !== bytes.readInt32LE(4)) return;
    this.#table = JSON.parse(table.toString("latin1"));
  }

  /** The code of a part that is whole, or undefined. */
  of(name) {
    if (!Object.hasOwn(this.#table, name)) return undefined;
    const [from, size, sum] = this.#table[name];
    const code = this.#bytes.subarray(from, from + size);
    return code.length === size && checksum(code) === sum ? code : undefined;
  }

  /** The bytes of a file that holds `codes` (name to code), and what is known of other parts. */
  with(codes) {
    for (const name of Object.keys(this.#table)) {
      const code = codes.has(name) ? undefined : this.of(name);
      if (code !== undefined) codes.set(name, code);
    }
    // The table's size depends on its numbers: they get the room of the largest.
    const room = aligned(8 + [...codes.keys()].reduce((sum, name) => sum + name.length + 48, 2));
    const table = {};
    let end = room;
    for (const [name, code] of codes) {
      table[name] = [end, code.length, checksum(Buffer.from(code))];
      end = aligned(end + code.length);
    }
    const bytes = Buffer.from(new ArrayBuffer(end));
    const text = Buffer.from(JSON.stringify(table), "latin1");
    bytes.writeUInt32LE(text.length, 0);
    bytes.writeInt32LE(checksum(Buffer.from(text)), 4);
    bytes.set(text, 8);
    for (const [name, code] of codes) bytes.set(code, table[name][0]);
    return bytes;
  }
}

function aligned(size) {
  return (size + 7) & ~7;
}

/** The bytes of a file of compiled code, or undefined where it is missing or not to be trusted. */
function read(file) {
  let fd;
  try {
    // Without O_NONBLOCK a named pipe in its place would be waited for.
    const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
    fd = fs.openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stat = fs.fstatSync(fd);
    if (!stat.isFile() || !trusted(stat) || stat.size < 16 || stat.size > 1 << 26) return undefined;
    const bytes = Buffer.from(new ArrayBuffer(stat.size));
    return fs.readSync(fd, bytes, 0, stat.size, 0) === stat.size ? bytes : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

function write(name, bytes) {
  for (const { base, folder } of places()) {
    const temporary = path.join(folder, `${name}.${process.pid}`);
    try {
      // Under sudo, HOME may be another user's: nothing of root's belongs there.
      if (uid >= 0 && fs.statSync(base).uid !== uid) continue;
      fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
      const stat = fs.lstatSync(folder);
      if (!stat.isDirectory() || !trusted(stat)) continue;
      // Complete or absent: a reader at this moment must not see half of it.
      fs.writeFileSync(temporary, bytes, { mode: 0o644, flag: "wx" });
      fs.renameSync(temporary, path.join(folder, name));
      removeOld(folder);
      return;
    } catch {
      // Read-only or full: the next place, or none.
      remove(temporary);
    }
  }
}

/** What was written in part. */
function remove(file) {
  try {
    fs.unlinkSync(file);
  } catch {
    // It never was.
  }
}

/** What earlier versions left. */
function removeOld(folder) {
  for (const name of fs.readdirSync(folder)) {
    const file = path.join(folder, name);
    if (Date.now() - fs.lstatSync(file).mtimeMs > KEEP_DAYS * 86_400_000) fs.unlinkSync(file);
  }
}

/** The file of parts, open for reading: its build's name, and the source of each part. */
class Bundle {
  #fd;
  #table;
  #start;

  constructor() {
    this.#fd = fs.openSync(BUNDLE, "r");
    // The bundle is pure ASCII, and latin1 is the cheapest way to a string.
    let size = 1 << 14;
    let head = this.#text(0, size);
    while (!head.includes("\n") && head.length === size) head = this.#text(0, (size *= 2));
    this.#start = head.indexOf("\n") + 1;
    this.build = head.slice(2, 18);
    this.#table = JSON.parse(head.slice(22, this.#start - 3));
  }

  has(name) {
    return Object.hasOwn(this.#table, name);
  }

  /** The source of a part, and the line of the file on which it starts, from 0. */
  part(name) {
    const [from, size, line] = this.#table[name];
    return { source: this.#text(this.#start + from, size), line };
  }

  #text(from, size) {
    const bytes = Buffer.allocUnsafe(size);
    return bytes.latin1Slice(0, fs.readSync(this.#fd, bytes, 0, size, from));
  }
}

function load(command) {
  const bundle = new Bundle();
  const file = `${bundle.build}-${process.version}-${process.arch}-${command}`;
  const caching = process.env.TSBPF_NO_CODE_CACHE === undefined;
  let bytes;
  for (const { folder } of caching ? places() : []) bytes ??= read(path.join(folder, file));
  const compiled = new CompiledParts(bytes);
  const scripts = new Map();
  let isNew = false;

  const modules = new Map();
  const requirePart = (name) => {
    const known = modules.get(name);
    if (known !== undefined) return known.exports;
    if (!bundle.has(name)) return require(name);
    const { source, line } = bundle.part(name);
    const cachedData = compiled.of(name);
    const script = new vm.Script(
      `(function (exports, require, module, __filename, __dirname) {${source}\n})`,
      { filename: BUNDLE, lineOffset: line, cachedData },
    );
    scripts.set(name, script);
    isNew ||= cachedData === undefined || script.cachedDataRejected;
    const module = { exports: {} };
    modules.set(name, module);
    script.runInThisContext()(module.exports, requirePart, module, BUNDLE, DIST);
    return module.exports;
  };
  if (caching) {
    process.once("exit", (status) => {
      // A mistyped command must not leave a file behind; a refusal (`verify`) is what was asked for.
      if (status > 1 || !isNew) return;
      const codes = new Map();
      for (const [name, script] of scripts) codes.set(name, script.createCachedData());
      write(file, compiled.with(codes));
    });
  }
  return requirePart(MAIN);
}

const argv = process.argv.slice(2);
// Behind an option may stand its value; at worst code is kept under another name.
const isWord = (argument) => /^[a-z][a-z0-9_]{0,15}$/.test(argument);
const command = argv.find((word, i) => isWord(word) && !/^(--[a-z-]+|-B)$/.test(argv[i - 1] ?? "")) || "none";
start(command, argv);

function start(command, argv) {
  let main;
  try {
    if (!fs.existsSync(BUNDLE)) throw new Error("it is missing");
    ({ main } = load(command));
    if (typeof main !== "function") throw new Error("it is damaged");
  } catch (error) {
    process.stderr.write(
      `tsbpf: ${BUNDLE} cannot be used: ${error.message}\nRun 'npm run build', or install tsbpf again.\n`,
    );
    process.exitCode = 1;
    return;
  }
  main(argv).then((status) => {
    process.exitCode = status;
  });
}
