import { Control, interruptWord, MemoryImports } from "../mem/index.ts";
import { type FunctionBuilder, type Local, ModuleBuilder } from "../wasm/index.ts";
import type { BpfExecutor } from "./executor.ts";
import { ENTRY_SIGNATURE, EXECUTOR_NAMESPACE } from "./signatures.ts";
import { State } from "./state.ts";

/** How frames and their context are laid out while a program runs on them: offsets in the one memory. */
export interface FramePlaces {
  readonly context: number;
  /** Emits what lays out the frame of `length` bytes at an offset, and its context. */
  readonly layOut: (f: FunctionBuilder, frame: Local, length: Local) => void;
  /** A word for each result below {@link SMALL_RESULTS}, to which is added how many runs gave it. */
  readonly counts: number;
}

/** Results below this, as the actions of XDP are, are counted where they come up. */
export const SMALL_RESULTS = 16;

/** One record: offset of a frame, its length, and, after its run, the low half of r0; the fourth word is not used. */
export const FRAME_RECORD_SIZE = 16;

/** Bytes behind the last frame that are read, and not used. */
export const FRAME_SLACK = 64;

const PIECE = 16;

/** Longer frames are copied as a whole, which costs a call. */
const MOST_BY_WORDS = 512;

/**
 * `(function index, header, count) → runs`: runs a program on the frames of `count` records, which stand behind
 * a header: a word in which the runs are counted, and one for those among them with results that are not small. The
 * last run was the last of all, or ended with a fault (its result is not counted), or somebody has interrupted.
 */
export type DriveFrames = (entry: number, header: number, count: number) => number;

/** Runs of one program on many frames, without leaving WebAssembly in between. */
export function createFrameDriver(executor: BpfExecutor, places: FramePlaces): DriveFrames {
  const { memory } = executor;
  const m = new ModuleBuilder({ name: "frames" });
  const imports = new MemoryImports(m, memory);
  const quiesce = imports.function("quiesce");
  const table = m.importTable(EXECUTOR_NAMESPACE, "table", { min: 1 });
  const i32 = "i32";
  const f = m.function("drive", { params: [i32, i32, i32], results: [i32] }, { export: true });
  const [entry, header, count] = f.params as [Local, Local, Local];
  const record = f.local("i32", "record");
  const runs = f.local("i32", "runs");
  const length = f.local("i32", "length");
  const result = f.local("i32", "result");
  const frame = f.local("i32", "frame");
  const at = f.local("i32", "at");
  const fault = f.local("i32", "fault");
  const large = f.local("i32", "large");
  const set = (word: number, value: number) =>
    f.i32
      .const(0)
      .i32.const(value)
      .i32.store(executor.stateAt + word);
  for (const word of [State.FAULT, State.FAULT_PC]) set(word, 0);
  set(State.FRAME_TOP, executor.framesAt);
  set(State.STACK_TOP, executor.stackEnd);
  set(State.CONTEXT, places.context);
  f.get(header).i32.const(0).i32.store(4);
  f.i32
    .const(0)
    .i64.const(0)
    .i64.store(executor.stateAt + State.EXECUTED);
  f.get(header).i32.const(FRAME_RECORD_SIZE).i32.add().set(record);
  f.loop((again) => {
    set(State.TAIL_CALLS, 0);
    f.get(record).i32.load(0).set(frame);
    f.get(record).i32.load(4).set(length);
    places.layOut(f, frame, length);
    // Counted before it begins: a trap leaves the count behind.
    f.get(header).get(runs).i32.const(1).i32.add().tee(runs).i32.store();
    f.i32.const(places.context).i32.const(executor.stackEnd);
    f.get(entry).callIndirect(m.type(ENTRY_SIGNATURE), table).i32.wrapI64().set(result);
    f.get(record).get(result).i32.store(8);
    f.i32
      .const(0)
      .i32.load(executor.stateAt + State.FAULT)
      .tee(fault)
      .i32.eqz();
    f.if(() => {
      f.get(result).i32.const(SMALL_RESULTS).i32.ltU();
      f.if(
        () => {
          f.get(result).i32.const(2).i32.shl().tee(at);
          f.get(at).i32.load(places.counts).i32.const(1).i32.add().i32.store(places.counts);
        },
        () => f.get(header).get(large).i32.const(1).i32.add().tee(large).i32.store(4),
      );
    });
    f.get(record).i32.const(FRAME_RECORD_SIZE).i32.add().set(record);
    f.i32.const(0).i32.load(Control.PENDING);
    f.if(() => f.i32.const(executor.id).call(quiesce));
    f.get(runs).get(count).i32.ltU();
    f.get(fault).i32.const(0).i32.load(interruptWord(executor.id)).i32.or().i32.eqz().i32.and().brIf(again);
  });
  f.get(runs);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(m.finish()), {
    ...memory.imports,
    [EXECUTOR_NAMESPACE]: { table: executor.table },
  });
  return guarded(executor, instance.exports["drive"] as DriveFrames);
}

/** What {@link emitFrameCopy} copies where. */
export interface FrameCopy {
  readonly to: number;
  readonly frame: Local;
  readonly length: Local;
  /** Whether nothing behind its end may change. */
  readonly exactly: boolean;
}

/** Copies a frame, in pieces where it is short: then some bytes behind its end, too. */
export function emitFrameCopy(f: FunctionBuilder, { to, frame, length, exactly }: FrameCopy): void {
  const whole = () => f.i32.const(to).get(frame).get(length).memoryCopy();
  if (exactly) {
    whole();
    return;
  }
  const at = f.local("i32", "copied");
  f.get(length).i32.const(MOST_BY_WORDS).i32.gtU();
  f.if(whole, () => {
    f.i32.const(0).set(at);
    f.loop((more) => {
      for (const half of [0, 8])
        f.get(at)
          .get(frame)
          .get(at)
          .i32.add()
          .i64.load(half)
          .i64.store(to + half);
      f.get(at).i32.const(PIECE).i32.add().tee(at).get(length).i32.ltU().brIf(more);
    });
  });
}

/** A trap is a fault of the run that it ends. */
function guarded(executor: BpfExecutor, drive: DriveFrames): DriveFrames {
  return (entry, header, count) => {
    executor.depth++;
    try {
      return drive(entry, header, count);
    } catch (error) {
      executor.trapped(error);
      return executor.memory.words()[header >>> 2]!;
    } finally {
      executor.depth--;
    }
  };
}
