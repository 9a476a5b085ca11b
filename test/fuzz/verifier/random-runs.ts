import { decode } from "../../../src/isa/index.ts";
import type { EmbeddedKernel } from "../../../src/kernel/index.ts";
import { writeStruct } from "../../../src/sys/index.ts";
import { BpfMapType, BpfProgType, bpfSkBuff, Errno, xdpMd } from "../../../src/uapi/index.ts";
import type { CaseMap, VerifierCase } from "../../verifier/support/verifier-case.ts";
import type { Random } from "../random.ts";

/** Runs of an accepted program. */
export const RUNS = 64;
/** Maps get other elements after so many of them. */
const RUNS_PER_FILLING = 8;
const LONGEST_PACKET = 200;
/** Arguments of a raw tracepoint. */
const TRACEPOINT_CONTEXT = 96;
const MOST_META = 64;
const PLAIN: ReadonlySet<number> = new Set([
  BpfMapType.HASH,
  BpfMapType.ARRAY,
  BpfMapType.LRU_HASH,
  BpfMapType.PERCPU_ARRAY,
]);
/** Values at which things change. */
const WORDS = [0, 1, 2, 7, 8, 15, 63, 64, 255, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff] as const;
/** So near to a number of the program the next one may matter. */
const NEAR = [0, 0, 1, -1, 2, 4, 7, 8] as const;

type Input = Parameters<EmbeddedKernel["progTestRun"]>[0];
type RunInput = Omit<Input, "progFd">;

/** Random bytes, of numbers that the program is likely to test for: those that it names, and their neighbours. */
class RunData {
  readonly random: Random;
  readonly #numbers: readonly number[];

  constructor(test: VerifierCase, random: Random) {
    this.random = random;
    this.#numbers = [...new Set(decode(test.insns).map(({ imm }) => Math.abs(imm)))];
  }

  word(): number {
    const { random } = this;
    switch (random.below(6)) {
      case 0:
        return random.u32();
      case 1:
        return random.below(300);
      case 2:
        return random.pick(WORDS);
      default:
        return (random.pick(this.#numbers) + random.pick(NEAR)) >>> 0;
    }
  }

  /** Numbers of 64 bits. */
  quads(count: number): Uint8Array {
    return new Uint8Array(BigInt64Array.from({ length: count }, () => BigInt(this.word() | 0)).buffer);
  }

  /** As numbers of 64, 32 or 8 bits, one after the other. */
  bytes(length: number): Uint8Array {
    const { random } = this;
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    let at = 0;
    while (at < length) {
      const left = length - at;
      const size = left >= 8 ? random.pick([8, 4, 4, 1]) : left >= 4 ? random.pick([4, 1]) : 1;
      if (size === 8) view.setBigInt64(at, BigInt(this.word() | 0), true);
      else if (size === 4) view.setUint32(at, this.word(), true);
      else bytes[at] = this.word();
      at += size;
    }
    return bytes;
  }
}

/** What may be filled with random elements: nothing that the verifier, or the kernel, knows the content of. */
function isFillable({ type, flags, frozen, types, inner, keySize, valueSize, programs }: CaseMap): boolean {
  const plain = PLAIN.has(type) && flags === 0 && !frozen && types === null && inner === null;
  return plain && keySize > 0 && valueSize > 0 && programs.length === 0;
}

/** The descriptors of a case's maps that may be filled, with their sizes. */
export function fillableMaps(test: VerifierCase, fds: readonly number[]): { fd: number; map: CaseMap }[] {
  return test.maps.flatMap((map, index) => (isFillable(map) ? [{ fd: fds[index]!, map }] : []));
}

/**
 * Runs a loaded program on random packets, contexts and elements of maps, as long as `good` agrees.
 *
 * @returns how many runs there were; 0 where the kernel runs no programs of this type
 */
export function runAtRandom(
  kernel: EmbeddedKernel,
  progFd: number,
  test: VerifierCase,
  maps: readonly { readonly fd: number; readonly map: CaseMap }[],
  random: Random,
  good: (errno: number) => void,
): number {
  const data = new RunData(test, random);
  let runs = 0;
  for (let round = 0; round < RUNS; round++) {
    if (round % RUNS_PER_FILLING === 0) fill(kernel, maps, data);
    const errno = runOnce(kernel, { ...inputFor(test.progType, data), progFd });
    // EINVAL: this input is none for the type, or the type cannot be run at all.
    if (errno === Errno.EINVAL || errno > LAST_ERRNO) {
      if (runs === 0 && round === RUNS_PER_FILLING) break;
      continue;
    }
    runs++;
    good(errno);
  }
  return runs;
}

/** Numbers above are ENOTSUPP's and its like. */
const LAST_ERRNO = 512;

function runOnce(kernel: EmbeddedKernel, input: Input): number {
  try {
    kernel.progTestRun(input);
    return 0;
  } catch (error) {
    if (error instanceof Error && "errno" in error) return error.errno as number;
    throw error;
  }
}

function fill(
  kernel: EmbeddedKernel,
  maps: readonly { readonly fd: number; readonly map: CaseMap }[],
  data: RunData,
): void {
  const { random } = data;
  for (const { fd, map } of maps) {
    for (let count = 1 + random.below(4); count > 0; count--) {
      const key = new Uint8Array(map.keySize);
      // The generator's programs look for small keys.
      key[0] = random.below(Math.min(8, map.maxEntries));
      const cpus = map.type === BpfMapType.PERCPU_ARRAY ? 2 : 1;
      const value = data.bytes(Math.ceil(map.valueSize / 8) * 8 * cpus);
      const size = cpus > 1 ? value.length : map.valueSize;
      try {
        kernel.mapUpdateElem({ mapFd: fd, key, value: value.subarray(0, size) });
      } catch (error) {
        // A full map stays as it is.
        if (!(error instanceof Error && "errno" in error)) throw error;
      }
    }
  }
}

function inputFor(type: number, data: RunData): RunInput {
  const { random } = data;
  switch (type) {
    case BpfProgType.RAW_TRACEPOINT:
    case BpfProgType.SYSCALL:
      return { ctxIn: data.quads(TRACEPOINT_CONTEXT / 8) };
    case BpfProgType.XDP:
      return random.oneIn(2) ? { dataIn: packet(data), repeat: 1 } : packetWithMeta(data);
    default: {
      const dataIn = packet(data);
      return { dataIn, repeat: 1, ...(random.oneIn(2) ? { ctxIn: skbContext(data, dataIn.length) } : {}) };
    }
  }
}

function packetWithMeta(data: RunData): RunInput {
  const { random } = data;
  const dataIn = packet(data, MOST_META);
  const ctxIn = new Uint8Array(xdpMd.size);
  const meta = 4 * random.below(MOST_META / 4);
  writeStruct(xdpMd, ctxIn, { data: meta, dataEnd: dataIn.length, ingressIfindex: random.below(2) });
  return { dataIn, ctxIn, repeat: 1 };
}

function skbContext(data: RunData, length: number): Uint8Array {
  const { random } = data;
  const context = new Uint8Array(bpfSkBuff.size);
  writeStruct(bpfSkBuff, context, {
    mark: data.word(),
    priority: data.word(),
    ingressIfindex: data.word(),
    ifindex: random.below(2),
    cb: data.bytes(20),
    tstamp: BigInt(data.word()),
    wireLen: random.oneIn(2) ? 0 : length + random.below(1000),
    gsoSegs: random.oneIn(2) ? 0 : random.below(0x10000),
    gsoSize: random.oneIn(2) ? 0 : data.word(),
  });
  return context;
}

/** Bytes of a frame: short or long, often of IP. */
function packet(data: RunData, more = 0): Uint8Array {
  const { random } = data;
  const bytes = data.bytes(14 + more + (random.oneIn(4) ? random.below(8) : random.below(LONGEST_PACKET)));
  const type = random.below(4);
  if (type < 2) {
    bytes[12] = type === 0 ? 0x08 : 0x86;
    bytes[13] = type === 0 ? 0x00 : 0xdd;
  }
  if (type === 0 && bytes.length > 14) bytes[14] = 0x45;
  return bytes;
}
