import { BtfBuilder } from "../../src/btf/index.ts";
import type { BpfCommands } from "../../src/sys/index.ts";
import { BpfMapType } from "../../src/uapi/index.ts";

/** What some maps cannot be created without: types, and a map to hold. They end with the process. */
export interface SampleTypes {
  readonly btf: number;
  /** An integer of 32 bits. */
  readonly int: number;
  readonly inner: number;
}

export function sampleTypes(commands: BpfCommands): SampleTypes {
  const builder = new BtfBuilder();
  const int = builder.add({ kind: "INT", name: "int", size: 4, signed: true });
  const btf = commands.btfLoad({ btf: builder.finish() });
  const inner = commands.mapCreate({ mapType: BpfMapType.ARRAY, keySize: 4, valueSize: 4, maxEntries: 1 });
  return { btf, int, inner };
}
