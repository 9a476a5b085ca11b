import { expect, it } from "vitest";
import { type Insn, ProgramBuilder, r0, r1, r2, r3, r4, r5, r6, r10, WideKind } from "../../src/isa/index.ts";
import {
  checkMapCreate,
  HELPER_PROTOTYPES,
  type HelperPrototype,
  KernelLayout,
  MAP_TRAITS,
  type MapCreateAttributes,
  mapHelperVerdict,
  mapTraits,
  prototypeOf,
  returnRange,
} from "../../src/platform/index.ts";
import { type Errno, BpfMapFlag as F, BpfMapType as M, BpfProgType as P } from "../../src/uapi/index.ts";
import { describeWith } from "../support/referee.ts";
import { sampleTypes, usualSizes } from "./live-maps.ts";
import { kindName, liveProber, probeKinds } from "./live-probe.ts";

/** The second one is Debian 12's: `vm-run`. */
const { needs, prober, release } = await liveProber("6.18", "6.1");

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(M).map(([name, type]) => [type, name]));
const UNTYPED: readonly number[] = [M.UNSPEC, M.STRUCT_OPS];

describeWith(needs, "maps, as Linux has them", () => {
  const linux = prober();
  const layout = new KernelLayout(linux.btf);
  const types = sampleTypes(linux.commands);

  /** Creates a map, and gives its descriptor or a negative errno. */
  const create = (attributes: MapCreateAttributes): number => {
    const { type, mapExtra = 0n, flags, typed, ...sizes } = attributes;
    const inner = type === M.ARRAY_OF_MAPS || type === M.HASH_OF_MAPS ? { innerMapFd: types.inner } : {};
    const described = typed ? { btfFd: types.btf, btfKeyTypeId: types.int, btfValueTypeId: types.int } : {};
    try {
      return linux.commands.mapCreate({
        mapType: type as M,
        ...sizes,
        mapFlags: flags,
        mapExtra,
        ...inner,
        ...described,
      });
    } catch (error) {
      return -(error as Errno & { errno: number }).errno;
    }
  };

  const FLAGS = [
    0,
    F.NO_PREALLOC,
    F.NO_COMMON_LRU,
    F.RDONLY,
    F.RDONLY_PROG,
    F.WRONLY_PROG,
    F.RDONLY_PROG | F.WRONLY_PROG,
    F.STACK_BUILD_ID,
    F.ZERO_SEED,
    F.CLONE | F.NO_PREALLOC,
    F.MMAPABLE,
    F.PRESERVE_ELEMS,
    F.INNER_MAP,
    F.SEGV_ON_FAULT | F.MMAPABLE,
    F.LINK,
    F.PATH_FD,
  ];
  const KEYS = [0, 1, 4, 8, 16, 260, 261, 512, 513];
  const VALUES = [0, 1, 4, 8, 12, 32, 1016, 1024, 32768, 32769, 65000, 65536];
  const ENTRIES = [0, 1, 3, 4096, 12288];

  it.each(
    [...MAP_TRAITS.keys()].filter((type) => !UNTYPED.includes(type)).map((type) => [NAMES.get(type)!, type]),
  )("%s is created or refused", (_, type) => {
    const wrong: string[] = [];
    const attempts: MapCreateAttributes[] = [];
    const usual = usualSizes(type);
    const typed = usual.typed === true;
    for (const flags of FLAGS) attempts.push({ ...usual, flags }, { ...usual, flags: flags | usual.flags });
    for (const keySize of KEYS) attempts.push({ ...usual, keySize, typed: typed && keySize === 4 });
    for (const valueSize of VALUES) attempts.push({ ...usual, valueSize, typed: typed && valueSize === 4 });
    for (const maxEntries of ENTRIES) attempts.push({ ...usual, maxEntries });
    for (const mapExtra of [1n, 5n, 16n, 4096n]) attempts.push({ ...usual, mapExtra });
    for (const attempt of attempts) {
      const fd = create(attempt);
      if (fd >= 0) linux.commands.close(fd);
      const ours = checkMapCreate(attempt, layout, release);
      const theirs = Math.min(fd, 0);
      if (theirs !== ours) wrong.push(`${text(attempt)}: ${theirs}, ours: ${ours}`);
    }
    expect(wrong).toEqual([]);
  });

  // One way to load each type: what is attached to matters only to iterators.
  const kinds = probeKinds().filter(
    (kind, index, all) =>
      !kind.sleepable &&
      (kind.type.type === P.TRACING || all.findIndex(({ type }) => type === kind.type) === index) &&
      linux.loads(kind),
  );
  const maps = [...MAP_TRAITS.keys()].filter(
    (type) => !UNTYPED.includes(type) && mapTraits(type, release) !== undefined,
  );

  it.each(kinds.map((kind) => [kindName(kind), kind] as const))("%s: maps and helpers", (_, kind) => {
    const traits = { ...kind, programType: kind.type.type, kernel: release };
    const wrong: string[] = [];
    let decided = 0;
    for (const type of maps) {
      const fd = create(usualSizes(type));
      if (fd < 0) throw new Error(`${NAMES.get(type)}: errno ${-fd}`);
      try {
        for (const { id, name } of HELPER_PROTOTYPES.values()) {
          const prototype = prototypeOf(id, traits);
          const insns = prototype === null ? null : callWith(prototype, fd, returnRange(traits)?.min ?? 0);
          if (insns === null) continue;
          const { accepted, log } = linux.try(kind, insns);
          const ours = mapHelperVerdict(type, id, traits);
          const refused = /cannot pass map_type/.test(log);
          // Linux looks at the other arguments first: what it says of those decides nothing here.
          if (!accepted && !refused) continue;
          decided++;
          if (accepted !== (ours === "yes"))
            wrong.push(`${name} ${NAMES.get(type)}: ${accepted}, ours: ${ours}`);
          if (/cannot update sockmap/.test(log) !== (ours === "noUpdate")) wrong.push(`${name}: ${log}`);
        }
      } finally {
        linux.commands.close(fd);
      }
    }
    expect(wrong).toEqual([]);
    expect(decided).toBeGreaterThan(60);
  });
});

/** A program that calls a helper on a map with arguments that pass; null where it takes no map, or more than can be had. */
function callWith(
  { id, args, returns }: HelperPrototype,
  map: number,
  value: number,
): readonly Insn[] | null {
  if (!args.some(({ type }) => type === "ARG_CONST_MAP_PTR")) return null;
  // What it gives out would have to be given back.
  if (returns.flags.includes("MEM_RINGBUF")) return null;
  const b = new ProgramBuilder().mov64(r6, r1);
  for (let at = 8; at <= 64; at += 8) b.st("dw", r10, -at, 0);
  for (const [index, { type, flags }] of args.entries()) {
    const register = [r1, r2, r3, r4, r5][index]!;
    switch (type) {
      case "ARG_CONST_MAP_PTR":
        b.ldPseudo64(register, WideKind.mapFd, map);
        break;
      case "ARG_PTR_TO_CTX":
        b.mov64(register, r6);
        break;
      case "ARG_ANYTHING":
        b.mov64(register, 0);
        break;
      case "ARG_CONST_SIZE":
      case "ARG_CONST_SIZE_OR_ZERO":
        // bpf_perf_event_read_value asks for this very size.
        b.mov64(register, 24);
        break;
      case "ARG_PTR_TO_MAP_KEY":
      case "ARG_PTR_TO_MAP_VALUE":
      case "ARG_PTR_TO_MEM":
        b.mov64(register, r10).alu64("add", register, -64);
        break;
      default:
        if (!flags.includes("PTR_MAYBE_NULL")) return null;
        b.mov64(register, 0);
    }
  }
  return b.call(id).mov64(r0, value).exit().insns();
}

function text({ type, ...rest }: MapCreateAttributes): string {
  return `${NAMES.get(type)} ${JSON.stringify(rest, (_, value) => (typeof value === "bigint" ? `${value}` : value))}`;
}
