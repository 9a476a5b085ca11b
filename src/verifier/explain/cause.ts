import { HELPER_PROTOTYPES } from "../../platform/index.ts";
import type { History, Place, ValueLink } from "./history.ts";
import { samePlace } from "./history.ts";
import type { PathStep } from "./path-step.ts";
import { isPointer } from "./value-kind.ts";

/** The instruction where the needed fact was lost, or should have been made sure of, with a sentence. */
export interface Cause {
  readonly at: PathStep;
  readonly text: string;
  /** Of what bounds a number: the most that it lets pass. */
  readonly lets?: bigint;
  /** A copy was tested, and not the value itself. */
  readonly copy?: true;
  /** Of a call that ended the life of a pointer: what it did. */
  readonly ended?: "packet" | "object" | "section";
}

/** Where the path went at a branch. */
export interface Comparison {
  readonly at: PathStep;
  /** The place that was compared: the value that is asked about, or a copy of it. */
  readonly place: Place;
  /** What was known of it in front of the branch, and behind it on this path. */
  readonly before: string | null;
  readonly after: string | null;
}

/** All comparisons of a value on the path since it was made or last changed, oldest first. */
export function comparisonsOf(history: History, register: number, before: number): readonly Comparison[] {
  const here = history.path[before];
  if (here === undefined) return [];
  const links = history.origin(register, before);
  const start = links.find(({ kind }) => kind !== "copied" && kind !== "argument" && kind !== "returned");
  const from = start?.at.position ?? -1;
  const place: Place =
    start === undefined
      ? { frame: 0, register }
      : { frame: start.at.frame, register: start.at.effect.writes };
  if ("register" in place && place.register < 0) return [];
  const found: Comparison[] = [];
  history.spread(place, from, before, (step, places) => {
    const compared = places.find(
      (each) => "register" in each && each.frame === step.frame && step.effect.reads.includes(each.register),
    );
    if (step.effect.operation === "branch" && compared !== undefined) {
      found.push({
        at: step,
        place: compared,
        before: history.knownOf(compared, step.position),
        after: history.knownOf(compared, step.position + 1),
      });
    }
    return true;
  });
  return found;
}

/** The link where a value came into being; undefined where the log does not reach back so far. */
export function birthOf(links: readonly ValueLink[]): ValueLink | undefined {
  const oldest = links.at(-1);
  return oldest?.kind === "made" || oldest?.kind === "clobbered" || oldest?.kind === "partial"
    ? oldest
    : undefined;
}

/** Whether pointers into the packet are worth nothing behind a call (`bpf_helper_changes_pkt_data`). */
export function movesPacket(call: string): boolean {
  const [name, id] = call.split("#");
  // A write through a dynptr of a packet may have to make it writable first.
  if (name === "bpf_dynptr_write") return true;
  return id !== undefined && HELPER_PROTOTYPES.get(Number(id))?.changesPacket === true;
}

const RELEASES =
  /release|_put\b|_put#|free|submit|discard|kptr_xchg|destroy|_drop|list_push|rbtree_add|_delete/;

/** A call between two positions that ended the life of a pointer: the log says nothing of it at the register. */
export function invalidation(history: History, pointer: string, from: number, to: number): Cause | null {
  const packet = /^pkt/.test(pointer);
  for (let position = to - 1; position > from; position--) {
    const at = history.path[position]!;
    const name = at.effect.call;
    if (name === null) continue;
    if (packet && (movesPacket(name) || name.startsWith("pc"))) {
      const who = name.startsWith("pc") ? "the function that is called" : callName(name);
      const text = `${who} may move the packet: pointers into it are worth nothing after it`;
      return { at, ended: "packet", text };
    }
    if (!packet && RELEASES.test(name)) {
      const text = `${callName(name)} gives the object back: pointers to it are worth nothing after it`;
      return { at, ended: "object", text };
    }
    if (!packet && /unlock|_enable|_restore/.test(name)) {
      return { at, ended: "section", text: `${callName(name)} ends the section that kept the object alive` };
    }
  }
  return null;
}

/** `"bpf_map_lookup_elem"` of `"bpf_map_lookup_elem#1"`. */
export function callName(call: string): string {
  return call.startsWith("pc") ? "the function" : call.replace(/#.*$/, "") || "the call";
}

/** An earlier store into the slot that a value was filled from: what is there now is not what was put there first. */
export function overwrittenSlot(history: History, links: readonly ValueLink[]): ValueLink | undefined {
  return links.find(({ at, kind }) => {
    if (kind !== "copied" || at.stack === null || at.effect.memory?.store !== true) return false;
    const slot: Place = { frame: at.frame, slot: at.stack };
    const now = history.known(at.effect.reads[1] ?? 10, at.position);
    return history.path.slice(0, at.position).some((earlier) => {
      if (earlier.stack === null || earlier.effect.memory?.store !== true) return false;
      if (!samePlace({ frame: earlier.frame, slot: earlier.stack }, slot)) return false;
      const then = history.known(earlier.effect.reads[1] ?? 10, earlier.position);
      return isPointer(then) && then !== now;
    });
  });
}
