import type { HelperName } from "../prototype.ts";
import { MAP_MEANINGS } from "./maps.ts";
import type { HelperMeaning, HelperMeanings } from "./meaning.ts";
import { PACKET_MEANINGS } from "./packets.ts";
import { ROUTE_MEANINGS } from "./routes.ts";
import { SOCKET_MEANINGS } from "./sockets.ts";
import { SYSTEM_MEANINGS } from "./system.ts";
import { TRACING_MEANINGS } from "./tracing.ts";

/** What each helper is for: a helper without a meaning does not compile. */
export const HELPER_MEANINGS: { readonly [helper in HelperName]: HelperMeaning } = {
  ...MAP_MEANINGS,
  ...PACKET_MEANINGS,
  ...ROUTE_MEANINGS,
  ...SOCKET_MEANINGS,
  ...SYSTEM_MEANINGS,
  ...TRACING_MEANINGS,
};

/** Helpers by what they are about, under a title. */
export const HELPER_FAMILIES: readonly { readonly title: string; readonly names: readonly HelperName[] }[] = [
  { title: "Maps, rings and storage", names: namesOf(MAP_MEANINGS) },
  { title: "Time, tasks, control groups, text, loops, system calls", names: namesOf(SYSTEM_MEANINGS) },
  { title: "Tracing", names: namesOf(TRACING_MEANINGS) },
  { title: "Packets", names: namesOf(PACKET_MEANINGS) },
  { title: "Where packets go", names: namesOf(ROUTE_MEANINGS) },
  { title: "Sockets, messages, settings, remote controls", names: namesOf(SOCKET_MEANINGS) },
];

function namesOf(meanings: HelperMeanings): readonly HelperName[] {
  return Object.keys(meanings) as HelperName[];
}
