import { accessText, type Btf, CORE_RELO_NAMES } from "../btf/index.ts";
import { POISON_HELPER, type ProgramSpec } from "../object/index.ts";

/** What stands in place of an instruction whose CO-RE relocation found nothing, and what a verifier says to it. */
const POISONED = new RegExp(
  `^(\\d+): \\(85\\) call unknown#${POISON_HELPER}.*\\ninvalid func unknown#${POISON_HELPER}$`,
  "m",
);

/**
 * A verifier's log in which a relocation that failed is named, as libbpf does it (`fixup_verifier_log`): the kernel
 * can only say that there is no such helper.
 */
export function withRelocations(log: string, program: ProgramSpec, btf: Btf | null): string {
  const [whole, slot] = POISONED.exec(log) ?? [];
  if (whole === undefined || btf === null) return log;
  const relocation = program.coreRelocations.find((each) => each.slot === Number(slot));
  if (relocation === undefined) return log;
  const kind = CORE_RELO_NAMES[relocation.kind] ?? String(relocation.kind);
  const what = `<${kind}> [${relocation.typeId}] ${accessText(btf, relocation)}`;
  return log.replace(
    whole,
    () => `${slot}: <invalid CO-RE relocation>\nfailed to resolve CO-RE relocation ${what}`,
  );
}
