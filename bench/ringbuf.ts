// Records that a program reserves and submits, and that the same process takes out of the ring and reads.
//
//   npm run bench -- ringbuf

import { assemble } from "../src/asm/index.ts";
import { encode } from "../src/isa/index.ts";
import { EmbeddedKernel } from "../src/kernel/index.ts";
import { BpfMapType, BpfProgType } from "../src/uapi/index.ts";
import { quantileOf } from "./jit/timing.ts";

const ROUNDS = 61;
/** Records between two drains: they fit into the ring. */
const RECORDS = 16_384;
const RING_SIZE = 1 << 20;

/** Each record: a number from the kernel's source of such, and a counter of the program. */
function program(mapFd: number, size: number): string {
  return `
    .insn 0x18, 1, 1, 0, ${mapFd}
    .insn 0, 0, 0, 0, 0
    r2 = ${size}
    r3 = 0
    call 131
    if r0 == 0 goto +4
    *(u64 *)(r0 + 0) = 7
    r1 = r0
    r2 = 0
    call 132
    r0 = 0
    exit`;
}

for (const size of [8, 16, 48]) {
  const kernel = new EmbeddedKernel({ engine: "jit", clock: () => 0 });
  const mapFd = kernel.mapCreate({
    mapType: BpfMapType.RINGBUF,
    keySize: 0,
    valueSize: 0,
    maxEntries: RING_SIZE,
    mapName: "records",
  });
  const { insns } = assemble(program(mapFd, size));
  const { fd } = kernel.progLoad({
    progType: BpfProgType.SOCKET_FILTER,
    insns: encode(insns),
    license: "GPL",
  });
  const packet = new Uint8Array(64);
  const written: number[] = [];
  const read: number[] = [];
  let sum = 0;
  for (let round = -20; round < ROUNDS; round++) {
    const start = performance.now();
    kernel.progTestRun({ progFd: fd, dataIn: packet, repeat: RECORDS });
    const between = performance.now();
    let taken = 0;
    while (taken < RECORDS) {
      const batch = kernel.port.ringConsume(mapFd, RECORDS);
      if (typeof batch === "number") throw new Error(`ringConsume: ${batch}`);
      if (batch.records.length === 0) break;
      for (const record of batch.records) sum += record[0]!;
      taken += batch.records.length;
      batch.release();
    }
    const end = performance.now();
    if (taken !== RECORDS) throw new Error(`expected ${RECORDS} records, got ${taken}`);
    if (round < 0) continue;
    written.push(((between - start) * 1e6) / RECORDS);
    read.push(((end - between) * 1e6) / RECORDS);
  }
  const [into, out] = [quantileOf(written, 0.2), quantileOf(read, 0.2)];
  process.stdout.write(
    `records of ${String(size).padStart(2)} bytes: reserve and submit ${into.toFixed(1)} ns, drain ${out.toFixed(1)} ns, both ${(1e3 / (into + out)).toFixed(2)} million/s${sum < 0 ? "!" : ""}\n`,
  );
  kernel.exit();
}
