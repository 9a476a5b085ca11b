import { apply, type Operation, type Register, type RegisterRules } from "./history.ts";

/** A state that the map may be in: an element, and which of the open operations have taken effect. */
interface Configuration {
  readonly register: Register;
  /** Indexes of operations. */
  readonly done: readonly number[];
}

/**
 * Whether there is an order in which the operations of each key, one after the other, give the results that they gave,
 * and in which none comes before one that had ended when it began (Herlihy and Wing, 1990; the search is Lowe's of
 * 2017: it goes through the moments and keeps what states the map may be in).
 *
 * @returns null, or the operation by which it fails, with those that were open at its end.
 */
export function findViolation(operations: readonly Operation[], rules: RegisterRules): Violation | null {
  const keys = new Map<number, Operation[]>();
  for (const operation of operations) {
    const group = keys.get(operation.key);
    if (group === undefined) keys.set(operation.key, [operation]);
    else group.push(operation);
  }
  for (const group of keys.values()) {
    const violation = checkKey(group, rules);
    if (violation !== null) return violation;
  }
  return null;
}

export interface Violation {
  readonly operation: Operation;
  /** Operations on the key that began before it ended, the last ones. */
  readonly recent: readonly Operation[];
}

function checkKey(operations: readonly Operation[], rules: RegisterRules): Violation | null {
  const moments = operations
    .flatMap(({ start, end }, index) => [
      { at: start, index, begins: true },
      { at: end, index, begins: false },
    ])
    .sort((one, other) => one.at - other.at);
  const open = new Set<number>();
  let configurations: Configuration[] = [{ register: null, done: [] }];
  for (const { index, begins } of moments) {
    if (begins) {
      open.add(index);
      continue;
    }
    configurations = reachable(configurations, { operations, open, rules })
      .filter(({ done }) => done.includes(index))
      .map(({ register, done }) => ({ register, done: done.filter((other) => other !== index) }));
    configurations = distinct(configurations);
    open.delete(index);
    if (configurations.length === 0) {
      const operation = operations[index]!;
      const before = operations.filter(({ start }) => start < operation.end);
      return { operation, recent: before.sort((one, other) => one.start - other.start).slice(-12) };
    }
  }
  return null;
}

interface Search {
  readonly operations: readonly Operation[];
  readonly open: ReadonlySet<number>;
  readonly rules: RegisterRules;
}

/** All configurations that the open operations may lead to, in any order, some or all of them. */
function reachable(from: readonly Configuration[], { operations, open, rules }: Search): Configuration[] {
  const found = new Map(from.map((each) => [nameOf(each), each]));
  const waiting = [...from];
  const add = (configuration: Configuration) => {
    const name = nameOf(configuration);
    if (found.has(name)) return;
    found.set(name, configuration);
    waiting.push(configuration);
  };
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { register, done } = next;
    if (rules.evicts && register !== null) add({ register: null, done });
    for (const index of open) {
      if (done.includes(index)) continue;
      const after = apply(rules, register, operations[index]!);
      if (after !== undefined) add({ register: after, done: [...done, index].sort((a, b) => a - b) });
    }
  }
  return [...found.values()];
}

function distinct(configurations: readonly Configuration[]): Configuration[] {
  return [...new Map(configurations.map((each) => [nameOf(each), each])).values()];
}

function nameOf({ register, done }: Configuration): string {
  return `${register === null ? "-" : register.join(",")}/${done.join(",")}`;
}
