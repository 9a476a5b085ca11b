import { messageOf, utf8 } from "../../../src/base/index.ts";
import { encode } from "../../../src/isa/index.ts";
import { Machine } from "../../../src/kernel/machine.ts";
import { ProcessPort } from "../../../src/kernel/port.ts";
import { Process } from "../../../src/kernel/process.ts";
import { LentMemory } from "../../../src/sys/index.ts";
import { type BpfAttrCommand, BpfCmd, BpfMapType, BpfProgType, bpfAttr } from "../../../src/uapi/index.ts";
import { practiceBtf } from "../../btf/practice-btf.ts";
import { joined } from "../bytes-mutator.ts";
import { mutateInsns } from "../insns-mutator.ts";
import { demand } from "../oracle.ts";
import { packParts, unpackParts } from "../parts.ts";
import type { Random } from "../random.ts";
import type { Target } from "../target.ts";
import { programs } from "./asm.ts";

/** Bytes of a call: its command's number, and the attribute. */
const CALL = 1 + 168;
const MOST_CALLS = 14;
const LARGEST_ERRNO = 4095;
/** Of more than one CPU, so that per-CPU values are arrays. */
const OPTIONS = { cpus: 2, seed: 1, clock: () => 1 } as const;
const INPUTS_PER_MACHINE = 500;
/** What a caller may ask for, and what would take all the time of a run. */
const CAPS: { readonly [command: number]: { readonly at: number; readonly most: number } } = {
  [BpfCmd.MAP_CREATE]: { at: 12, most: 65_536 },
  [BpfCmd.PROG_TEST_RUN]: { at: 32, most: 64 },
};

/** The buffers that attributes point at, and their sizes. */
const LENT = { insns: 4096, license: 16, first: 256, second: 4096, btf: 8192, path: 64 } as const;
type Lent = keyof typeof LENT;
const NAMES = Object.keys(LENT) as Lent[];
/** Which buffer a pointer of this name is for; the others point anywhere. */
const BUFFER_OF: { readonly [field: string]: Lent } = {
  insns: "insns",
  license: "license",
  logBuf: "second",
  btfLogBuf: "second",
  key: "first",
  keys: "first",
  value: "second",
  values: "second",
  nextKey: "second",
  info: "second",
  dataIn: "first",
  btf: "btf",
  pathname: "path",
};
const COMMANDS = Object.keys(bpfAttr) as BpfAttrCommand[];

/** Sequences of bpf(2) calls of a new process of an embedded kernel: only errors by number may come back. */
export function kernelTarget(): Target {
  const addresses = lend(new LentMemory(), new Uint8Array(0));
  let machine = new Machine(OPTIONS);
  let uses = 0;
  return {
    name: "kernel",
    corpus: () => programs().map((program) => encode(program)),
    mutate(random, corpus) {
      const insns = random.oneIn(3) ? mutateInsns(random, corpus) : random.pick(corpus);
      const script: BpfAttrCommand[] = ["BTF_LOAD", "MAP_CREATE", "MAP_CREATE", "PROG_LOAD", "PROG_TEST_RUN"];
      for (let i = random.below(5); i > 0; i--) script.splice(random.below(script.length), 1);
      while (script.length < MOST_CALLS && !random.oneIn(6)) script.push(random.pick(COMMANDS));
      const calls = script.map((command) => randomCall(random, command, addresses, insns));
      return packParts([insns, joined(...calls)]);
    },
    run(input) {
      const [insns, calls] = unpackParts(input, 2) as [Uint8Array, Uint8Array];
      if (uses++ > INPUTS_PER_MACHINE) {
        machine = new Machine(OPTIONS);
        uses = 0;
      }
      const process = new Process(machine);
      const port = new ProcessPort(process);
      lend(port.memory, insns);
      try {
        for (let at = 0; at + CALL <= calls.length && at < CALL * MOST_CALLS; at += CALL) {
          makeCall(port, calls[at]!, calls.slice(at + 1, at + CALL));
        }
      } finally {
        process.exit();
      }
    },
  };
}

function makeCall(port: ProcessPort, command: number, attr: Uint8Array): void {
  const cap = CAPS[command];
  if (cap !== undefined) {
    const view = new DataView(attr.buffer);
    view.setUint32(cap.at, Math.min(view.getUint32(cap.at, true), cap.most), true);
  }
  let result: number;
  try {
    result = port.bpf(command, attr, attr.length);
  } catch (error) {
    throw new Error(`command ${command} threw: ${messageOf(error)}`, { cause: error });
  }
  demand(Number.isInteger(result) && result >= -LARGEST_ERRNO, () => `command ${command} gave ${result}`);
}

/** Lends all buffers, and gives their addresses: the same ones in every new process. */
function lend(memory: Pick<LentMemory, "lend">, insns: Uint8Array): { readonly [name in Lent]: bigint } {
  const text = { insns, license: utf8("GPL"), btf: practiceBtf(), path: utf8("/sys/fs/bpf/pinned") };
  const addresses: Partial<Record<Lent, bigint>> = {};
  for (const name of NAMES) {
    const bytes = Uint8Array.from({ length: LENT[name] }, (_, index) => index & 3);
    if (name in text) {
      const content = text[name as keyof typeof text];
      bytes.fill(0).set(content.subarray(0, bytes.length));
    }
    addresses[name] = memory.lend(bytes);
  }
  return addresses as { [name in Lent]: bigint };
}

/** A call that may work, with some fields changed. */
function randomCall(
  random: Random,
  command: BpfAttrCommand,
  addresses: { readonly [name in Lent]: bigint },
  insns: Uint8Array,
): Uint8Array {
  const call = new Uint8Array(CALL);
  call[0] = BpfCmd[command];
  const attr = new DataView(call.buffer, 1);
  for (const { camel, offset, size, kind } of bpfAttr[command].fields) {
    if (kind === "chars") continue;
    if (kind === "ptr") {
      const buffer = BUFFER_OF[camel] ?? (random.oneIn(4) ? random.pick(NAMES) : undefined);
      if (buffer !== undefined && !random.oneIn(12)) attr.setBigUint64(offset, addresses[buffer], true);
      continue;
    }
    const value = random.oneIn(25) ? random.interesting() : plausible(random, camel, insns);
    if (size === 8) attr.setBigUint64(offset, BigInt(value), true);
    else if (size === 4) attr.setUint32(offset, value, true);
  }
  if (random.oneIn(10)) call[random.below(CALL)] = random.u32();
  if (random.oneIn(30)) attr.setUint32(random.below(160) & -4, random.interesting(), true);
  return call;
}

function plausible(random: Random, field: string, insns: Uint8Array): number {
  switch (field) {
    case "mapType":
      return random.pick([
        BpfMapType.HASH,
        BpfMapType.ARRAY,
        BpfMapType.PERCPU_HASH,
        BpfMapType.PERCPU_ARRAY,
        BpfMapType.PROG_ARRAY,
        random.below(36),
      ]);
    case "progType":
      return random.pick([
        BpfProgType.SOCKET_FILTER,
        BpfProgType.SCHED_CLS,
        BpfProgType.XDP,
        BpfProgType.CGROUP_SKB,
        BpfProgType.RAW_TRACEPOINT,
        BpfProgType.SYSCALL,
        random.below(34),
      ]);
    case "insnCnt":
      return insns.length >> 3;
    case "keySize":
      return 4;
    case "valueSize":
      return random.pick([8, 4, 1, 24, 100]);
    case "maxEntries":
    case "count":
      return 1 + random.below(8);
    case "logLevel":
      return random.below(3);
    case "logSize":
    case "btfLogSize":
      return LENT.second;
    case "btfSize":
      return practiceBtf().length;
    case "infoLen":
      return 232;
    case "dataSizeIn":
    case "dataSizeOut":
      return 64 + random.below(64);
    case "repeat":
      return random.below(3);
    case "startId":
    case "progId":
    case "mapId":
    case "btfId":
      return random.below(8);
    default:
      if (/[fF]d$/.test(field)) return random.oneIn(3) ? random.below(3) : 3 + random.below(5);
      return random.oneIn(8) ? random.below(9) : 0;
  }
}
