import { CONTROL } from "./layout.ts";

/** Executors that one memory can have at a time. */
export const MAX_EXECUTORS = 64;

/** Lists of retired blocks: those of this epoch, of the one before, and of the one before that, which are free to go. */
export const RETIRE_LISTS = 3;

/**
 * Words of the control block, as offsets in the memory. Emitted code reads and writes them by these constants; host
 * code reads the ones that say so.
 */
export const Control = {
  /** {@link CONTROL_MAGIC} once the heap is laid out. */
  MAGIC: CONTROL,
  /** Lock of the allocator and of the epochs. */
  LOCK: CONTROL + 4,
  /** Payload bytes of blocks handed out (u32; host reads it). */
  USED: CONTROL + 8,
  /** Header of the block that ends the heap: it has no payload and is never free. */
  HEAP_END: CONTROL + 12,
  /** Nothing at or above this offset was ever handed out: it is zero but for headers of the last free block. */
  WATERMARK: CONTROL + 16,
  /** 1 once a second executor was added: only then do emitted functions take locks. Never goes back to 0. */
  PARALLEL: CONTROL + 20,
  /** 1: freed payloads are overwritten with {@link POISON}. */
  POISONING: CONTROL + 24,
  /** The live table of regions, or 0. */
  REGIONS: CONTROL + 32,
  /** Lock of those who change the table of regions. */
  REGIONS_LOCK: CONTROL + 36,
  /** Handle of the region added last. */
  REGION_HANDLE: CONTROL + 40,
  /** The epoch: {@link FIRST_EPOCH} to {@link LAST_EPOCH}, then from the first again. */
  EPOCH: CONTROL + 44,
  /** Retired blocks that are not freed yet. */
  PENDING: CONTROL + 48,
  /** Heads of the lists of retired blocks, by epoch modulo {@link RETIRE_LISTS}. */
  RETIRED: CONTROL + 52,
  /** One bit for each first-level class that has a free block. */
  FIRST_BITMAP: CONTROL + 64,
  /** A word for each first-level class: one bit for each second-level class that has a free block. */
  SECOND_BITMAPS: CONTROL + 68,
  /** Taken by whoever changes a word that is not aligned. */
  UNALIGNED_LOCK: CONTROL + 252,
  /** Heads of the lists of free blocks. */
  FREE_LISTS: CONTROL + 256,
  /** What each executor has announced, {@link EXECUTOR_STRIDE} bytes apart. */
  EXECUTORS: CONTROL + 4096,
  /** In the same cache lines: see {@link interruptWord}. Behind it, the run that the executor is at. */
  INTERRUPT: CONTROL + 4096 + 8,
  /**
   * What each executor holds of locks that may fail, {@link HELD_STRIDE} bytes apart: how many they are, then the first
   * {@link HELD_LOCKS} of them.
   */
  HELD: CONTROL + 8192,
} as const;

/** A cache line for each executor. */
export const EXECUTOR_STRIDE = 64;

/** Locks that a table of held ones has place for (`RES_NR_HELD`). */
export const HELD_LOCKS = 31;

/** Two cache lines for each executor. */
export const HELD_STRIDE = 128;

/** Non-zero: programs of the executor that poll it end their run. Other executors write it. */
export function interruptWord(executor: number): number {
  return Control.INTERRUPT + executor * EXECUTOR_STRIDE;
}

export const CONTROL_MAGIC = 0x7473_6270;

/** What an executor's word says where it announces no epoch. */
export const ExecutorState = { ABSENT: 0, OFFLINE: 1 } as const;

/** Epochs are told from {@link ExecutorState}, and wrap where the remainder by {@link RETIRE_LISTS} goes on. */
export const FIRST_EPOCH = 3;
export const LAST_EPOCH = 3 * 2 ** 30 - 1;

/** What freed bytes are overwritten with while checking: `POISON_FREE` of Linux. */
export const POISON = 0x6b;
