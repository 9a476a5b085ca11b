import type { perfEventMmapPage } from "../uapi/index.ts";

/** Words of `struct perf_event_mmap_page` that say where records are: each has 64 bits. */
export const PerfPage = {
  DATA_HEAD: 1024,
  DATA_TAIL: 1032,
  DATA_OFFSET: 1040,
  DATA_SIZE: 1048,
} as const satisfies Record<string, (typeof perfEventMmapPage)["fields"][number]["offset"]>;
