import { COMMON_MEANINGS } from "./common.ts";
import { NETWORK_MEANINGS } from "./network.ts";
import { OBJECT_MEANINGS } from "./objects.ts";
import { SCHEDULING_MEANINGS } from "./scheduling.ts";

/** What each function of the kernel is for that some program may call, in a sentence of ours. */
export const KFUNC_MEANINGS: { readonly [name: string]: string } = {
  ...COMMON_MEANINGS,
  ...OBJECT_MEANINGS,
  ...NETWORK_MEANINGS,
  ...SCHEDULING_MEANINGS,
};

/** The same by what they are about, under a title. */
export const KFUNC_FAMILIES: readonly { readonly title: string; readonly names: readonly string[] }[] = [
  { title: "What every program may call", names: Object.keys(COMMON_MEANINGS) },
  { title: "Objects of programs and of the kernel", names: Object.keys(OBJECT_MEANINGS) },
  { title: "Packets, sockets, congestion control", names: Object.keys(NETWORK_MEANINGS) },
  { title: "Schedulers and input devices", names: Object.keys(SCHEDULING_MEANINGS) },
];
