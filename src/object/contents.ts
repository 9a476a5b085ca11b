import { TsbpfError } from "../base/index.ts";
import { type BtfValueInput, encodeValue } from "../btf/index.ts";
import type { MapSpec, ObjectSpec } from "./spec.ts";

/** The object with other initial contents of a data section: all bytes of its value. TsbpfError where the size differs. */
export function withContents(spec: ObjectSpec, map: string, contents: Uint8Array): ObjectSpec {
  const before = spec.maps.get(map);
  if (before === undefined || before.contents === null) {
    throw new TsbpfError(`object ${spec.name}: map ${map}: expected a data section`);
  }
  if (contents.length !== before.valueSize) {
    throw new TsbpfError(
      `object ${spec.name}: map ${map}: expected ${before.valueSize} bytes, got ${contents.length}`,
    );
  }
  const maps = new Map(spec.maps);
  maps.set(map, { ...before, contents });
  return { ...spec, maps };
}

/**
 * The object with other initial values of global variables, by name: how constants of `.rodata` are set before the
 * program is verified with them. TsbpfError where there is no such variable, or the value does not fit.
 *
 * ```ts
 * load(withGlobals(spec, { blocked_port: 8080, track_flows: true }), sys);
 * ```
 */
export function withGlobals(
  spec: ObjectSpec,
  values: { readonly [name: string]: BtfValueInput },
): ObjectSpec {
  const maps = new Map(spec.maps);
  const copies = new Map<string, Uint8Array>();
  for (const [name, value] of Object.entries(values)) {
    const { map, variable, offset, size } = findGlobal(spec, name);
    const before = maps.get(map)!;
    let contents = copies.get(map);
    if (contents === undefined) {
      contents = before.contents!.slice();
      copies.set(map, contents);
      maps.set(map, { ...before, contents });
    }
    try {
      encodeValue(spec.btf!, variable, value, contents.subarray(offset, offset + size));
    } catch (error) {
      if (!(error instanceof TsbpfError)) throw error;
      throw new TsbpfError(`object ${spec.name}: variable ${name}: ${error.message}`, { cause: error });
    }
  }
  return { ...spec, maps };
}

/** A global variable: where it is, by its DATASEC. */
export interface GlobalPlace {
  /** Key of the data section's map. */
  readonly map: string;
  /** Id of the VAR in the object's BTF. */
  readonly variable: number;
  readonly offset: number;
  readonly size: number;
}

/** Global variables of all data sections by name; of several with one name (static ones) the first. */
export function globalsOf(spec: ObjectSpec): Map<string, GlobalPlace> {
  const globals = new Map<string, GlobalPlace>();
  for (const [key, map] of spec.maps) {
    for (const [name, place] of variablesOf(spec, key, map)) if (!globals.has(name)) globals.set(name, place);
  }
  return globals;
}

function findGlobal(spec: ObjectSpec, name: string): GlobalPlace {
  const found = globalsOf(spec).get(name);
  if (found === undefined) throw new TsbpfError(`object ${spec.name}: no variable '${name}'`);
  return found;
}

function variablesOf(spec: ObjectSpec, key: string, map: MapSpec): [string, GlobalPlace][] {
  const { btf } = spec;
  if (btf === null || map.section === null || map.contents === null || map.valueTypeId === 0) return [];
  const type = btf.type(map.valueTypeId);
  if (type.kind !== "DATASEC") return [];
  return type.variables
    .filter(({ offset, size }) => offset + size <= map.contents!.length)
    .map(({ type: variable, offset, size }) => [btf.name(variable), { map: key, variable, offset, size }]);
}
