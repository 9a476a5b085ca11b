import { withLaboratories } from "./laboratories.ts";
import { runSlice, type Slice, type SliceResult } from "./slice.ts";

export type WorkerAnswer =
  | { readonly kind: "done"; readonly result: SliceResult }
  | { readonly kind: "cannot"; readonly why: string };

/** The process of one slice: `fuzz engines-slice JSON`. It tells its parent what came of it, and ends. */
export async function serveSlice(text: string): Promise<number> {
  const slice = JSON.parse(text) as Slice;
  const result = await withLaboratories(slice, (laboratories) => runSlice(slice, laboratories));
  const answer: WorkerAnswer =
    result instanceof Error ? { kind: "cannot", why: result.message } : { kind: "done", result };
  await new Promise<void>((resolve) => process.send!(answer, () => resolve()));
  process.disconnect();
  return 0;
}
