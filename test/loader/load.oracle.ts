import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Btf } from "../../src/btf/index.ts";
import { decode, type Insn, isWide, WideKind } from "../../src/isa/index.ts";
import { type LoadedObject, type LoadOptions, load } from "../../src/loader/index.ts";
import { open, type ProgramSpec } from "../../src/object/index.ts";
import { BpfCommands, btfInfo, mapInfo, progInfo } from "../../src/sys/index.ts";
import { livePort } from "../support/live-port.ts";
import { describeWith, fixture, liveKernel, referee } from "../support/referee.ts";
import { describeMaps } from "./maps.ts";

const bpftool = referee("bpftool");
const unshare = referee("unshare");
const mount = referee("mount");
const umount = referee("umount");
const vmlinux = fixture("/sys/kernel/btf/vmlinux");
const live = await livePort();

const dir = mkdtempSync(join(tmpdir(), "tsbpf-loader-"));
const bpffs = join(dir, "bpffs");
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Objects that Debian's libbpf 1.1 loads on a kernel with these program types; `maps` sections are compared elsewhere. */
const OBJECTS = [
  "objects/atomics",
  "objects/btf-types",
  "objects/callbacks",
  "objects/core-enums",
  "objects/core-fields",
  "objects/core-flavours",
  "objects/core-types",
  "objects/data",
  "objects/data-strings",
  "objects/externs-kconfig",
  "objects/externs-kfunc",
  "objects/freplace-target",
  "objects/functions",
  "objects/gcc-btf-maps",
  "objects/gcc-calls",
  "objects/instructions.v1",
  "objects/instructions.v2",
  "objects/instructions.v3",
  "objects/license-version",
  "objects/maps-attributes",
  "objects/maps-in-map",
  "objects/maps-keyless",
  "objects/maps-program-array",
  "objects/nested-loops",
  "objects/no-license",
  "objects/no-license.nodebug",
  "objects/packet-access",
  "objects/struct-ops",
  "flow/flow",
  "../shared/golden/input/demo",
];

/** Those that libbpf 1.1 does not load, but this kernel takes. */
const OURS_ALONE = [
  "objects/core-bitfields",
  "objects/core-loads",
  "objects/gcc-btf-maps.gcc",
  "objects/gcc-calls.gcc",
  "objects/gcc-maps",
  "objects/gcc-maps.gcc",
  "objects/gcc-maps.gcc-btf",
  "objects/gcc-maps.gcc-debug",
  "objects/instructions.gcc",
  "objects/maps-arena",
  "objects/maps-iproute2",
  "objects/maps-legacy",
  "objects/maps-legacy.nodebug",
  "objects/refused-bss-section",
  "objects/sections-cgroup",
  "objects/sections-network",
  "objects/sections-optional",
];

/** Programs of these objects whose type this kernel is built without. */
const NOT_HERE: ReadonlySet<string> = new Set(["on_lirc"]);

const pathOf = (name: string) =>
  name.startsWith("../") ? `${name}.bpf.o` : join("testdata", `${name}.bpf.o`);

/** The code of every program as the kernel shows it after bpftool has loaded the object, by name. */
function loadedByBpftool(path: string, out: string): Map<string, Insn[]> {
  mkdirSync(out);
  const script = `set -e; mount -t bpf bpf /sys/fs/bpf; bpftool prog loadall "$1" /sys/fs/bpf/t >&2
    for pin in /sys/fs/bpf/t/*; do bpftool prog dump xlated pinned "$pin" file "$2/$(basename "$pin")"; done`;
  // A mount namespace of its own: whatever was pinned is gone with it.
  const { status, stderr } = unshare.run(["-m", "sh", "-c", script, "sh", path, out], {
    env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
  });
  if (status !== 0) throw new Error(`bpftool: ${stderr}`);
  return new Map(
    readdirSync(out).map((name) => [name, decode(new Uint8Array(readFileSync(join(out, name))))]),
  );
}

/** Code without what differs from load to load: ids of maps by the order of their first use, no kernel addresses. */
function masked(insns: readonly Insn[]): string[] {
  const maps = new Map<number, number>();
  const lines: string[] = [];
  for (let slot = 0; slot < insns.length; slot++) {
    let insn = insns[slot]!;
    const next = insns[slot + 1];
    if (isWide(insn) && (insn.src === WideKind.mapFd || insn.src === WideKind.mapValue)) {
      if (!maps.has(insn.imm)) maps.set(insn.imm, maps.size);
      insn = { ...insn, imm: maps.get(insn.imm)! };
    } else if (isWide(insn) && next !== undefined && next.imm >>> 0 >= 0xffff_8000) {
      insn = { ...insn, imm: 0 };
      lines.push(`${lines.length}: ${JSON.stringify(insn)} address`);
      slot++;
      continue;
    }
    lines.push(`${lines.length}: ${JSON.stringify(insn)}`);
  }
  return lines;
}

describeWith([bpftool, unshare, mount, umount, vmlinux, liveKernel()], "load on the live kernel", () => {
  const sys = live.port === null ? null : new BpfCommands(live.port);
  const kernelBtf = Btf.parse(vmlinux.bytes());
  const options: LoadOptions = {
    kernelBtf,
    gunzip: (bytes) => new Uint8Array(gunzipSync(bytes)),
    pinRoot: bpffs,
  };
  beforeAll(() => {
    mkdirSync(bpffs);
    expect(mount.run(["-t", "bpf", "bpf", bpffs]).stderr).toBe("");
  });
  // The pins of the maps are gone with their file system.
  afterAll(() => void umount.run([bpffs]));

  const withLoaded = <T>(name: string, use: (object: LoadedObject) => T): T => {
    const path = pathOf(name);
    const autoload = ({ name, autoload }: ProgramSpec) => autoload && !NOT_HERE.has(name);
    using object = load(open(new Uint8Array(readFileSync(path)), { name: path }), sys!, {
      ...options,
      autoload,
    });
    try {
      return use(object);
    } finally {
      for (const { pinPath } of object.maps.values()) if (pinPath !== null) live.port!.remove(pinPath);
    }
  };

  it.skipIf(sys === null).each(OBJECTS)("%s: the code is what bpftool's libbpf makes of it", (name) => {
    const theirs = loadedByBpftool(pathOf(name), join(dir, name.replaceAll("/", "_")));
    withLoaded(name, (object) => {
      expect([...object.programs.keys()].sort()).toEqual([...theirs.keys()].sort());
      for (const { name: program, fd } of object.programs.values()) {
        const { xlatedProgInsns } = progInfo(sys!, fd, ["xlatedProgInsns"]);
        expect(masked(decode(xlatedProgInsns))).toEqual(masked(theirs.get(program)!));
      }
    });
  });

  it.skipIf(sys === null).each(OURS_ALONE)("%s loads", (name) => {
    withLoaded(name, (object) => {
      expect(object.programs.size).toBeGreaterThan(0);
      for (const [key, { fd, spec }] of object.maps) {
        const info = mapInfo(sys!, fd);
        expect([key, info.type, info.keySize]).toEqual([key, spec.type, spec.keySize]);
      }
      if (object.btfFd !== null) expect(btfInfo(sys!, object.btfFd).btf.length).toBeGreaterThan(0);
    });
  });

  it.skipIf(sys === null)(
    "takes up a map that is pinned by its name, and refuses one that is not like it",
    () => {
      withLoaded("objects/maps-attributes", (first) => {
        const id = (object: LoadedObject) => mapInfo(sys!, object.maps.get("pinned")!.fd).id;
        const path = pathOf("objects/maps-attributes");
        const spec = open(new Uint8Array(readFileSync(path)), { name: path });
        using second = load(spec, sys!, options);
        expect(id(second)).toBe(id(first));
        const other = new Map(spec.maps).set("pinned", { ...spec.maps.get("pinned")!, maxEntries: 5 });
        expect(() => load({ ...spec, maps: other }, sys!, options)).toThrow(
          `a map like the declared one was expected to be pinned there: expected max_entries 5, got 4`,
        );
      });
    },
  );

  it.skipIf(sys === null)("carries the verifier's log in its error", () => {
    const spec = open(new Uint8Array(readFileSync(pathOf("objects/packet-access"))), { name: "packet.o" });
    const programs = new Map(spec.programs);
    const direct = programs.get("direct")!;
    programs.set("direct", { ...direct, insns: direct.insns.slice(0, 2), funcInfo: [], lineInfo: [] });
    expect(() => load({ ...spec, programs }, sys!, options)).toThrow(
      /^object packet: program direct: BPF_PROG_LOAD: Invalid argument \(EINVAL\)\n[\s\S]*(last insn|jump out of range)/,
    );
  });

  it.skipIf(sys === null)("refuses a struct_ops program that is two members", () => {
    expect(() => withLoaded("objects/struct-ops-link", () => null)).toThrow(
      "object struct-ops-link: struct_ops: program ten is already another member",
    );
  });

  describe.skipIf(sys === null)("maps", () =>
    describeMaps(
      () => sys!,
      () => readdirSync("/proc/self/fd").length,
      options,
    ),
  );
});
