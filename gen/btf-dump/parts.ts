import type { Bounds } from "./bounds.ts";
import type { EmittedLayout } from "./layout.ts";
import type { Lines, Output } from "./lines.ts";
import type { DumpMemory } from "./memory.ts";
import type { Names } from "./names.ts";
import type { Tags } from "./tags.ts";

/** What the emitted functions that write C are made of. */
export interface CParts {
  readonly memory: DumpMemory;
  readonly bounds: Bounds;
  readonly output: Output;
  readonly lines: Lines;
  readonly names: Names;
  readonly layout: EmittedLayout;
  readonly tags: Tags;
}
