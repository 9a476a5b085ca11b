import { expect, it } from "vitest";
import { type Insn, ProgramBuilder, r0 } from "../../src/isa/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import type { BpfCommands } from "../../src/sys/index.ts";
import { BpfProgFlag, BpfProgType as P } from "../../src/uapi/index.ts";
import { describeWith } from "../support/referee.ts";
import { liveProber } from "./live-probe.ts";

/** The second one is Debian 12's: `vm-run`. */
const { needs, prober, release } = await liveProber("6.18", "6.1");

const LAST_TYPE = 34;
const LAST_ATTACH_TYPE = 60;
const LAST_FLAG = 20;

/** Types that are for something with an id, and one that a kernel may be built without. */
const LEFT_OUT: readonly number[] = [P.TRACING, P.LSM, P.EXT, P.STRUCT_OPS, P.LIRC_MODE2];

const RETURNS_1: readonly Insn[] = new ProgramBuilder().mov64(r0, 1).exit().insns();

/** What comes of a load: 0 or a positive errno. */
function load(sys: BpfCommands, progType: number, expectedAttachType: number, progFlags: number): number {
  try {
    const { fd } = sys.progLoad({
      progType,
      expectedAttachType,
      progFlags,
      insns: RETURNS_1,
      license: "GPL",
    });
    sys.close(fd);
    return 0;
  } catch (error) {
    return (error as { errno: number }).errno;
  }
}

describeWith(needs, "types of programs, attach types and flags, as Linux has them", () => {
  const linux = prober();
  const ours = new EmbeddedKernel({ release, btf: linux.btf, execute: false, lockdown: linux.lockdown() });
  const types = Array.from({ length: LAST_TYPE + 1 }, (_, type) => type);

  it.each(types.filter((type) => !LEFT_OUT.includes(type)))("%d", (type) => {
    const wrong: string[] = [];
    const compare = (what: string, attachType: number, flags: number) => {
      const theirs = load(linux.commands, type, attachType, flags);
      const mine = load(ours, type, attachType, flags);
      if (mine !== theirs) wrong.push(`${what}: errno ${theirs}, ours: ${mine}`);
    };
    for (let attachType = 0; attachType <= LAST_ATTACH_TYPE; attachType++) {
      compare(`attach type ${attachType}`, attachType, type === P.SYSCALL ? BpfProgFlag.SLEEPABLE : 0);
    }
    for (let bit = 0; bit < LAST_FLAG; bit++) compare(`flag ${1 << bit}`, 0, 1 << bit);
    expect(wrong).toEqual([]);
  });
});
