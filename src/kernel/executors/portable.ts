import { NotSupported } from "../../base/index.ts";
import {
  isCgroupStorage,
  isLocalStorage,
  MAP_HEADER_SIZE,
  MapField,
  MapOperationSlot,
  type OperationIndices,
  shapeName,
} from "../../maps/index.ts";
import { BpfMapType, mapTypeNames } from "../../uapi/index.ts";
import { contextKind } from "../context-kind.ts";
import type { KernelMap } from "../objects/map.ts";
import type { KernelProgram } from "../objects/program.ts";
import { runsAnywhere } from "./allowed.ts";
import type { ExecutorMachine } from "./executor-machine.ts";
import type { PortableProgram, PortableShape } from "./messages.ts";

/** What other executors need to run a program: all programs that it can reach by tail calls, and their maps' operations. */
export interface Portable {
  readonly programs: readonly KernelProgram[];
  readonly maps: readonly KernelMap[];
}

/**
 * What a program needs on other executors.
 *
 * @throws NotSupported where it, or a program that it can reach, uses what only the kernel's own thread has.
 */
export function portable(machine: ExecutorMachine, program: KernelProgram): Portable {
  const programs = new Set([program]);
  const maps = new Set<KernelMap>();
  for (const each of programs) {
    check(machine, each);
    for (const map of each.maps) reach(machine, map, maps, programs);
  }
  return { programs: [...programs], maps: [...maps] };
}

function reach(
  machine: ExecutorMachine,
  map: KernelMap,
  maps: Set<KernelMap>,
  programs: Set<KernelProgram>,
): void {
  if (maps.has(map)) return;
  maps.add(map);
  for (const target of map.programs?.targets() ?? []) programs.add(target as KernelProgram);
  for (const inner of innerMaps(machine, map)) reach(machine, inner, maps, programs);
}

function check(machine: ExecutorMachine, program: KernelProgram): void {
  const { parts } = program;
  const refuse = (why: string): never => {
    throw new NotSupported(`program ${parts.name || program.id} on several executors`, { why });
  };
  if (parts.target === null) refuse("the verifier has refused it, and it may do anything");
  for (const callable of parts.portable?.calls ?? []) {
    if (!runsAnywhere(callable, machine.ownClock)) refuse(`${callable.name} needs the kernel's own thread`);
  }
  for (const map of withInner(machine, program.maps)) {
    const why = mapProblem(map);
    if (why !== null) refuse(why);
  }
}

/** Maps, and those that are in them. */
function* withInner(machine: ExecutorMachine, maps: readonly KernelMap[]): Generator<KernelMap> {
  for (const map of maps) {
    yield map;
    yield* innerMaps(machine, map);
  }
}

function innerMaps(machine: ExecutorMachine, map: KernelMap): KernelMap[] {
  return (map.inners?.offsets() ?? []).flatMap((offset) => machine.mapAt(offset) ?? []);
}

/** Maps whose values only the kernel's own thread can make or end. */
function mapProblem(map: KernelMap): string | null {
  const { type, shape } = map;
  const name = `map ${map.parts.name || map.id}`;
  if (type === BpfMapType.STACK_TRACE || isLocalStorage(type) || isCgroupStorage(type)) {
    return `${name} is of the type ${mapTypeNames[type]}, which needs the kernel's own thread`;
  }
  if (shape.special?.frees === true) return `${name} has timers, objects or kptrs in its values`;
  return null;
}

/** A program as data. */
export function portableProgram({ id, parts }: KernelProgram, entry: number): PortableProgram {
  return { id, entry, context: contextKind(parts.type), code: parts.portable!.code };
}

/** The operations that programs call of a map, as data; null of maps that have none. */
export function portableShape(
  machine: ExecutorMachine,
  map: KernelMap,
): (PortableShape & { name: string }) | null {
  const lookup = (map.offset - MAP_HEADER_SIZE + MapField.OPERATIONS + 4 * MapOperationSlot.LOOKUP) >>> 2;
  if (machine.memory.words()[lookup] === 0) return null;
  const { shape } = map;
  const indices: OperationIndices = machine.operationIndices(shape);
  const name = shapeName(shape);
  return {
    name,
    shape,
    indices: Object.entries(indices).map(([operation, index]) => [`${name}:${operation}`, index] as const),
  };
}
