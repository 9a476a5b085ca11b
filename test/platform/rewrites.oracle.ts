import { expect, it } from "vitest";
import {
  decode,
  type Insn,
  lookup,
  ProgramBuilder,
  type Register,
  r0,
  r1,
  r2,
  r6,
  r7,
  r9,
  r10,
  WideKind,
} from "../../src/isa/index.ts";
import {
  type ContextAccess,
  ContextMap,
  checkStructAccess,
  KernelLayout,
  OBJECT_VIEWS,
  returnRange,
  rewriteAccess,
  type StructContext,
} from "../../src/platform/index.ts";
import { BpfFuncId, BpfMapType, BpfProgType as P } from "../../src/uapi/index.ts";
import { outline } from "../support/outline.ts";
import { describeWith } from "../support/referee.ts";
import { kindName, liveProber, type ProbeKind, probeKinds } from "./live-probe.ts";

const { needs, prober } = await liveProber();

const SIZES = [
  [1, "b"],
  [2, "h"],
  [4, "w"],
  [8, "dw"],
] as const;
/** Stands before each access, so that a listing can be cut into pieces. */
const MARK = 0x5eed;
const BATCH = 60;

interface Attempt {
  readonly what: string;
  /** The access, through a register that holds the object. */
  readonly insn: (base: Register) => Insn;
  readonly expected: (insn: Insn) => string[];
  /** The access overwrites the register that holds the object. */
  readonly same: boolean;
}

describeWith(needs, "accesses as Linux rewrites them", () => {
  const linux = prober();
  const layout = new KernelLayout(linux.btf);
  const kinds = probeKinds().filter(
    (kind, index, all) =>
      kind.type.context.kind === "struct" &&
      // One way to load the type is enough where fields do not depend on it.
      (usesAttachTypes(kind.type.context) || all.findIndex(({ type }) => type === kind.type) === index) &&
      linux.loads(kind),
  );

  /** Every access that the context admits, in the forms that are rewritten differently. */
  function attemptsOf(context: StructContext, attachType: number, only?: RegExp): Attempt[] {
    const map = new ContextMap(context, layout);
    const attempts: Attempt[] = [];
    const seesType = only?.test("tstamp_type") ?? false;
    for (let offset = 0; offset < map.size; offset++) {
      for (const [size, name] of SIZES) {
        for (const form of ["load", "same", "sign", "store", "storeSame", "immediate"] as const) {
          const write = form.startsWith("st") || form === "immediate";
          if (form === "sign" && size === 8) continue;
          const access: ContextAccess = {
            offset,
            size,
            write,
            signed: form === "sign",
            expectedAttachType: attachType,
          };
          const allowed = checkStructAccess(map, access);
          const { field } = allowed ?? {};
          if (allowed === null || field === undefined || field === null) continue;
          if (only === undefined ? field.name === "tstamp_type" : !only.test(field.name)) continue;
          const insn = (base: Register) => {
            const b = new ProgramBuilder();
            if (form === "load") b.ldx(name, r2, base, offset);
            else if (form === "same") b.ldx(name, base, base, offset);
            else if (form === "sign") b.ldsx(name as "b", r2, base, offset);
            else if (form === "store") b.stx(name, base, r2, offset);
            else if (form === "storeSame") b.stx(name, base, r9, offset);
            else b.st(name, base, offset, 3);
            return b.insns()[0]!;
          };
          attempts.push({
            what: `${form} ${field.name}+${offset - map.at(offset)!.offset} ${size}`,
            insn,
            same: form === "same",
            expected: (made) => {
              const extend = form === "sign" ? ((size * 8) as 8 | 16 | 32) : 0;
              const site = {
                insn: made,
                write,
                size,
                extend,
                distance: offset - map.at(offset)!.offset,
              } as const;
              const options = { layout, readsTimestampType: seesType };
              return outline(rewriteAccess({ ...allowed, field }, site, options));
            },
          });
        }
      }
    }
    return attempts;
  }

  /** What the kernel made of each attempt. */
  function compare(
    kind: ProbeKind,
    attempts: readonly Attempt[],
    reach: (b: ProgramBuilder) => void,
  ): string[] {
    const wrong: string[] = [];
    for (let from = 0; from < attempts.length; from += BATCH) {
      const batch = attempts.slice(from, from + BATCH);
      const b = new ProgramBuilder();
      reach(b);
      b.mov64(r9, 1);
      const made: Insn[] = [];
      for (const { insn, same } of batch) {
        b.mov64(r7, r6).mov32(r2, 1).mov32(r0, MARK);
        const access = insn(same ? r7 : r6);
        made.push(access);
        b.raw(access);
      }
      b.mov32(r0, MARK)
        .label("out")
        .mov64(r0, returnRange({ ...kind, programType: kind.type.type })?.min ?? 0)
        .exit();
      const { code, log } = linux.translated(kind, b.insns());
      if (code === null) {
        wrong.push(log.split("\n").slice(-6).join("\n"));
        continue;
      }
      const pieces = cut(decode(code));
      for (const [index, { what, expected }] of batch.entries()) {
        const ours = expected(made[index]!);
        // What follows the access up to the next mark are the moves that every piece ends with.
        const theirs = outline(
          pieces[index]!.slice(0, ours.length === 0 ? 0 : pieces[index]!.length - tail(index, batch.length)),
        );
        if (theirs.join("; ") !== ours.join("; "))
          wrong.push(`${what}: ${theirs.join("; ")}\n  ours: ${ours.join("; ")}`);
      }
    }
    return wrong;
  }

  it.each(kinds.map((kind) => [kindName(kind), kind] as const))("%s", (_, kind) => {
    const context = kind.type.context as StructContext;
    const take = (b: ProgramBuilder) => void b.mov64(r6, r1);
    const { expectedAttachType } = kind;
    expect(compare(kind, attemptsOf(context, expectedAttachType), take)).toEqual([]);
    if (context.readable.has("tstamp_type"))
      expect(compare(kind, attemptsOf(context, expectedAttachType, /^tstamp(_type)?$/), take)).toEqual([]);
  });

  const tc = kinds.find(({ type }) => type.type === P.SCHED_CLS)!;
  const xdp = kinds.find(({ type }) => type.type === P.XDP)!;
  const skOf = (b: ProgramBuilder) =>
    b.ldx("dw", r1, r1, layout.offset("__sk_buff.sk")).branch("jeq", r1, 0, "out");

  it("sock_common", () => {
    const reach = (b: ProgramBuilder) => void skOf(b).mov64(r6, r1);
    expect(compare(tc, attemptsOf(OBJECT_VIEWS.PTR_TO_SOCK_COMMON, 0), reach)).toEqual([]);
  });

  it.each([
    ["PTR_TO_SOCKET", BpfFuncId.sk_fullsock],
    ["PTR_TO_TCP_SOCK", BpfFuncId.tcp_sock],
  ] as const)("%s", (type, helper) => {
    const reach = (b: ProgramBuilder) => void skOf(b).call(helper).branch("jeq", r0, 0, "out").mov64(r6, r0);
    expect(compare(tc, attemptsOf(OBJECT_VIEWS[type], 0), reach)).toEqual([]);
  });

  it("PTR_TO_XDP_SOCK", () => {
    const map = linux.commands.mapCreate({
      mapType: BpfMapType.XSKMAP,
      keySize: 4,
      valueSize: 4,
      maxEntries: 1,
    });
    try {
      const reach = (b: ProgramBuilder) => {
        b.st("w", r10, -4, 0).mov64(r2, r10).alu64("add", r2, -4);
        b.ldPseudo64(r1, WideKind.mapFd, map)
          .call(BpfFuncId.map_lookup_elem)
          .branch("jeq", r0, 0, "out")
          .mov64(r6, r0);
      };
      expect(compare(xdp, attemptsOf(OBJECT_VIEWS.PTR_TO_XDP_SOCK, 0), reach)).toEqual([]);
    } finally {
      linux.commands.close(map);
    }
  });
});

function usesAttachTypes(context: StructContext): boolean {
  return [...context.readable.values(), ...context.writable.values()].some(
    ({ attachTypes }) => attachTypes !== undefined,
  );
}

/** Moves that the next attempt begins with: none after the last. */
function tail(index: number, count: number): number {
  return index === count - 1 ? 0 : 2;
}

/** The instructions between the marks. */
function cut(insns: readonly Insn[]): Insn[][] {
  const pieces: Insn[][] = [];
  for (const insn of insns) {
    const row = lookup(insn);
    if (row?.name === "mov32_k" && insn.imm === MARK) pieces.push([]);
    else pieces.at(-1)?.push(insn);
  }
  return pieces;
}
