import type { HelperPrototype, PrototypeRow } from "./prototype.ts";
import { prototypeOfRow } from "./prototype.ts";
import { CGROUP_PROTOTYPES } from "./prototypes/cgroup.ts";
import { DYNPTR_PROTOTYPES } from "./prototypes/dynptr.ts";
import { MAPS_PROTOTYPES } from "./prototypes/maps.ts";
import { MEMORY_PROTOTYPES } from "./prototypes/memory.ts";
import { PACKET_PROTOTYPES } from "./prototypes/packet.ts";
import { SOCKETS_PROTOTYPES } from "./prototypes/sockets.ts";
import { SYSTEM_PROTOTYPES } from "./prototypes/system.ts";
import { TRACING_PROTOTYPES } from "./prototypes/tracing.ts";

const ROWS = {
  ...MAPS_PROTOTYPES,
  ...SYSTEM_PROTOTYPES,
  ...MEMORY_PROTOTYPES,
  ...TRACING_PROTOTYPES,
  ...DYNPTR_PROTOTYPES,
  ...PACKET_PROTOTYPES,
  ...SOCKETS_PROTOTYPES,
  ...CGROUP_PROTOTYPES,
} satisfies { readonly [name: string]: PrototypeRow };

/** Names of prototypes: the kernel function behind one, or, where two share it, Linux's name of the second. */
export type PrototypeName = keyof typeof ROWS;

/** Every prototype of Linux 6.18, by name. A helper has several where program types see it differently. */
export const PROTOTYPES: { readonly [name in PrototypeName]: HelperPrototype } = Object.fromEntries(
  Object.entries(ROWS).map(([name, row]) => [name, prototypeOfRow(name, row)]),
) as { [name in PrototypeName]: HelperPrototype };

/** Every prototype of each helper, by id. Most have one; others differ from program type to program type. */
export const HELPER_VARIANTS: ReadonlyMap<number, readonly HelperPrototype[]> = variants();

/**
 * One prototype of each helper, by id: the one of the helper's own name, where there is such. What a certain program
 * gets is for `prototypeOf` to say.
 */
export const HELPER_PROTOTYPES: ReadonlyMap<number, HelperPrototype> = new Map(
  [...HELPER_VARIANTS].map(([id, list]) => [id, list.find((one) => one.name === one.function) ?? list[0]!]),
);

function variants(): Map<number, HelperPrototype[]> {
  const map = new Map<number, HelperPrototype[]>();
  for (const prototype of Object.values(PROTOTYPES)) {
    const known = map.get(prototype.id);
    if (known === undefined) map.set(prototype.id, [prototype]);
    else known.push(prototype);
  }
  return map;
}
