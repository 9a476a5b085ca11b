import type { Cause } from "./cause.ts";
import { newestCall } from "./cause-reference.ts";
import { skippedOver } from "./cause-value.ts";
import { calledName, movedCallFixes } from "./lock-call.ts";
import { otherInstructions } from "./program-text.ts";
import { type Finding, fix, type Refusal, stepOf } from "./rule.ts";

const SECOND_LOCK = "a second spin lock is taken while one is held";

/** What is done under a spin lock that is not allowed there. */
export function lockHeld(message: string, refusal: Refusal): Finding {
  const { last, history } = refusal;
  const lock = newestCall(history, /spin_lock/, "the lock is taken here");
  const held = /bpf_(?:res_)?spin_lock(?:_irqsave)?\(([^;]*)\)/.exec(lock?.at.step.source?.text ?? "")?.[1];
  const unlock = `${/res_spin/.test(lock?.at.effect.call ?? "") ? "bpf_res_spin_unlock" : "bpf_spin_unlock"}(${held ?? "&value->lock"});`;
  const call = last?.effect.call ?? null;
  if (/rbtree cb/.test(message)) {
    return {
      headline:
        "the callback that compares nodes of a tree does something that is not allowed under the tree's lock",
      why: refusal.steps(lock, "the tree's lock is held here"),
      fixes: [fix("Let it compare members of the two nodes, and nothing else.", "return a->key < b->key;")],
    };
  }
  if (/^(?:Locking two|Acquiring the same)/.test(message)) {
    return {
      headline: message.startsWith("Locking") ? SECOND_LOCK : "a spin lock is taken that is held already",
      why: refusal.steps(lock, "a lock is still held here"),
      fixes: [
        fix(
          "Unlock the first one before.",
          `${unlock}\n${last?.step.source?.text ?? "bpf_spin_lock(&other->lock);"}`,
        ),
      ],
    };
  }
  if (call !== null && /^bpf_spin_lock#/.test(call)) return secondLock(refusal, lock, unlock);
  if (call !== null) {
    const name = calledName(refusal);
    return {
      headline: `${name === "" ? "a function of the program" : name} is called while a spin lock is held`,
      why: refusal.steps(
        lock,
        "the lock is still held here: hardly any call is allowed then, and this one is not",
      ),
      fixes: [
        ...movedCallFixes(refusal, lock, unlock),
        ...(call.startsWith("pc")
          ? [
              fix(
                "Functions that are static, and are verified with their callers, may be called under a lock.",
                `static __noinline int ${name === "" ? "work" : name}(…)`,
              ),
            ]
          : []),
      ],
    };
  }
  const left = skippedOver(history, otherInstructions(refusal), (text) =>
    /^call bpf_(?:res_)?spin_unlock/.test(text),
  );
  const path = left === null || lock === null || left.position < lock.at.position ? null : left;
  const cause = path === null ? lock : { at: path, text: "this path leaves without the unlock" };
  const line = last?.step.source?.text ?? "";
  return {
    headline: "the program ends, or leaves a function, while a spin lock is held",
    why: [
      ...(path === null || lock === null ? [] : [stepOf(lock.at, "passed", lock.text)]),
      ...refusal.steps(cause, "the lock is still held here"),
    ],
    fixes: [
      fix(
        "Unlock on this path too, before it leaves.",
        `${unlock}\n${/^return\b/.test(line) ? line : "return 0;"}`,
      ),
    ],
  };
}

/** Two of them are never held at once, in whatever order they are taken. */
function secondLock(refusal: Refusal, lock: Cause | null, unlock: string): Finding {
  const line = refusal.last?.step.source?.text ?? "";
  const takes = /\bbpf_spin_lock\([^;]*\);/.exec(line)?.[0] ?? "bpf_spin_lock(&other->lock);";
  return {
    headline: SECOND_LOCK,
    why: refusal.steps(lock, "the first lock is still held here: a program holds one at a time"),
    fixes: [
      fix(
        "Only one bpf_spin_lock may be held at a time: unlock the first before the second is taken, and copy what is needed of the first value into variables in between.",
        `${unlock}\n${takes}`,
      ),
      fix(
        "Or put both values under one lock: as members of one struct, in one map.",
        "struct both {\n\tstruct bpf_spin_lock lock;\n\t…\n};",
      ),
    ],
  };
}
