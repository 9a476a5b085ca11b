import { Btf, BtfKind } from "../../../../src/btf/index.ts";
import { BpfProgFlag } from "../../../../src/uapi/index.ts";
import type { CaseRights } from "../../../verifier/support/case-rights.ts";
import type { VerifierCase } from "../../../verifier/support/verifier-case.ts";
import type { Random } from "../../random.ts";
import type { Change } from "./mutate.ts";

const FLAGS = [
  BpfProgFlag.SLEEPABLE,
  BpfProgFlag.STRICT_ALIGNMENT,
  BpfProgFlag.ANY_ALIGNMENT,
  BpfProgFlag.TEST_STATE_FREQ,
  BpfProgFlag.TEST_RND_HI32,
  BpfProgFlag.TEST_REG_INVARIANTS,
  BpfProgFlag.XDP_HAS_FRAGS,
] as const;
const RIGHTS: readonly CaseRights[] = [
  "all",
  ["BPF", "NET_ADMIN"],
  ["BPF"],
  ["BPF", "PERFMON"],
  ["BPF", "PERFMON", "NET_ADMIN"],
  [],
];

/** Another program type, other flags, rights, or what it is attached to. */
export function settingChange(
  random: Random,
  test: VerifierCase,
  corpus: readonly VerifierCase[],
): Change | null {
  const other = random.pick(corpus);
  const { progType, expectedAttachType, attach } = other;
  switch (random.below(10)) {
    case 0:
    case 1:
      return put(`the program type, and what it is for, of '${other.name}'`, {
        progType,
        expectedAttachType,
        attach,
      });
    case 2:
      return put(`attach type ${expectedAttachType}`, { expectedAttachType });
    case 3:
      return put(`what '${other.name}' is for`, { attach });
    case 4:
      return put("license", { license: test.license === "GPL" ? "Proprietary" : "GPL" });
    case 5:
      return test.funcInfo.length > 0 ? put("no func_info", { funcInfo: new Uint8Array(0) }) : null;
    case 6:
      return linkageChange(random, test);
    case 7: {
      const [other, at] = [test.funcInfo.length / 8, random.below(test.funcInfo.length / 8)];
      if (other < 2) return null;
      const types = new Uint32Array(test.funcInfo.slice().buffer);
      types[at * 2 + 1] = types[random.below(other) * 2 + 1]!;
      return put(`function ${at} is described as another`, { funcInfo: new Uint8Array(types.buffer) });
    }
    case 8: {
      const rights = random.pick(RIGHTS);
      return put(`rights ${JSON.stringify(rights)}`, { rights });
    }
    default: {
      const flag = random.pick(FLAGS);
      const what = `flag ${flag} ${test.progFlags & flag ? "off" : "on"}`;
      return { what, apply: (before) => ({ ...before, progFlags: before.progFlags ^ flag }) };
    }
  }
}

function put(what: string, fields: Partial<VerifierCase>): Change {
  return { what, apply: (test) => ({ ...test, ...fields }) };
}

/** Static and global; what else there is a program may not have. */
const LINKAGES = 2;
/** Of void, which is not in the data. */
const VOID_WORDS = 3;

/** A function of the case's types becomes static or global. */
function linkageChange(random: Random, { btf }: VerifierCase): Change | null {
  if (btf === null) return null;
  const types = Btf.parse(btf, { what: "case" });
  const functions = Array.from({ length: types.count }, (_, id) => id).filter(
    (id) => types.kind(id) === BtfKind.FUNC,
  );
  if (functions.length === 0) return null;
  const id = random.pick(functions);
  const linkage = random.below(LINKAGES);
  return {
    what: `linkage ${linkage} of ${types.name(id)}`,
    apply(test) {
      if (test.btf === null) return test;
      const changed = withLinkage(types, id, linkage);
      const maps = test.maps.map((map) =>
        map.types === null ? map : { ...map, types: { ...map.types, btf: changed } },
      );
      return { ...test, btf: changed, maps };
    },
  };
}

/** The linkage is in `vlen`, the lower half of the second word. */
function withLinkage(types: Btf, id: number, linkage: number): Uint8Array {
  const bytes = types.bytes.slice();
  const at = types.header.typeStart + (types.tables().index[id]! - VOID_WORDS + 1) * 4;
  new DataView(bytes.buffer).setUint16(at, linkage, true);
  return bytes;
}
