import { type Finding, fix, type Refusal } from "./rule.ts";

/** A function that is there, and takes programs, but none that sleep (`bpf_check_attach_target`); null: that is not it. */
export function notSleepable({ input }: RegExpExecArray, { program }: Refusal): Finding | null {
  const name = /^(\S+) is not sleepable/.exec(input)?.[1];
  if (name === undefined) return null;
  const { section } = program;
  const awake =
    section !== undefined && /\.s(?=\/|$)/.test(section)
      ? section.replace(/\.s(?=\/|$)/, "")
      : `fentry/${name}`;
  return {
    headline: `${name} may not be attached to by programs that sleep`,
    whole: true,
    fixes: [
      fix(
        `Take the section without ".s": the function takes programs that do not sleep. They have no helpers that may (bpf_copy_from_user): bpf_probe_read_user reads what is in memory.`,
        `SEC("${awake}")`,
      ),
      fix("Or attach where programs may sleep: to an LSM hook that allows it.", 'SEC("lsm.s/file_open")'),
    ],
  };
}
