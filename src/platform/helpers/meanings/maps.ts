import { type HelperMeanings, meaning } from "./meaning.ts";

const UPDATE = {
  BPF_ANY: "make the element or replace it",
  BPF_NOEXIST: "only make it: EEXIST where it is there",
  BPF_EXIST: "only replace it: ENOENT where it is not there",
};

const STORAGE = {
  BPF_LOCAL_STORAGE_GET_F_CREATE:
    "make the value where there is none, as a copy of what value points to, or of zeros",
};

const WAKEUP = {
  BPF_RB_NO_WAKEUP: "wake no reader",
  BPF_RB_FORCE_WAKEUP: "wake the reader, even if it has not read what came before",
};

/** Elements of maps, rings, and values that belong to objects. */
export const MAP_MEANINGS = {
  map_lookup_elem: meaning(
    "Finds the value of a key and gives a pointer to it: the program works on the map's own bytes, not on a copy. Of a per-CPU map it is the value of the CPU that the program runs on.",
  ),
  map_update_elem: meaning(
    "Stores a copy of a value under a key. Of a per-CPU map it changes the value of the CPU that the program runs on. A full hash gives E2BIG; an LRU hash evicts another element instead.",
    { ...UPDATE, BPF_F_LOCK: "take the value's bpf_spin_lock while it is copied" },
  ),
  map_delete_elem: meaning(
    "Takes the element of a key out of a map; ENOENT where there is none. Elements of arrays cannot be deleted (EINVAL).",
  ),
  map_push_elem: meaning(
    "Adds a value to a queue, a stack or a Bloom filter. A full queue or stack gives E2BIG.",
    {
      BPF_ANY: "add it",
      BPF_EXIST: "where a queue or stack is full, drop its oldest value for it",
    },
  ),
  map_pop_elem: meaning(
    "Copies out the next value of a queue (the oldest) or stack (the newest), and removes it; ENOENT where there is none.",
  ),
  map_peek_elem: meaning(
    "Copies out the next value of a queue or stack and leaves it there. Of a Bloom filter it tells whether the value may have been added (0) or was not (ENOENT).",
  ),
  map_lookup_percpu_elem: meaning(
    "Finds the value that a given CPU has under a key of a per-CPU map; NULL where there is no such key or CPU.",
  ),
  for_each_map_elem: meaning(
    "Calls a function of the program for each element of a map, with map, key, value and a context of the caller's. The function returns 0 to go on and 1 to stop. The result is the number of calls; flags must be 0.",
  ),
  tail_call: meaning(
    "Goes on with the program at an index of a program array, which gets the same context, and does not come back. Where the index has no program, or after 33 such jumps, it does nothing and the caller goes on.",
  ),
  perf_event_read: meaning(
    "Gives the count of the perf event at an index of a perf event array. Errors are negative numbers that could be counts as well: bpf_perf_event_read_value tells them apart.",
    {
      BPF_F_INDEX_MASK: "bits with the index",
      BPF_F_CURRENT_CPU: "as the index: the number of the CPU that the program runs on",
    },
  ),
  perf_event_read_value: meaning(
    "Copies out the count of the perf event at an index of a perf event array, with the times that it was enabled and really counted. On an error the buffer is zeroed.",
    {
      BPF_F_INDEX_MASK: "bits with the index",
      BPF_F_CURRENT_CPU: "as the index: the number of the CPU that the program runs on",
    },
  ),
  perf_event_output: meaning(
    "Writes bytes as a sample into the ring of the perf event at an index of a perf event array. The event must be one of BPF output (PERF_COUNT_SW_BPF_OUTPUT) on the CPU that the program runs on. Programs of packets may have bytes of the packet appended.",
    {
      BPF_F_INDEX_MASK: "bits with the index",
      BPF_F_CURRENT_CPU: "as the index: the number of the CPU that the program runs on",
      BPF_F_CTXLEN_MASK: "programs of packets: bits with the number of bytes of the packet to append",
    },
  ),
  ringbuf_output: meaning(
    "Copies bytes into a ring buffer as one record; EAGAIN where it does not fit.",
    WAKEUP,
  ),
  ringbuf_reserve: meaning(
    "Reserves a record in a ring buffer and gives a pointer to it, or NULL where it does not fit. The record must be submitted or discarded on every path. flags must be 0.",
  ),
  ringbuf_submit: meaning("Hands a reserved record to the readers of its ring.", WAKEUP),
  ringbuf_discard: meaning("Gives a reserved record up: readers skip it.", WAKEUP),
  ringbuf_query: meaning("Tells a fact about a ring buffer as it is at this moment.", {
    BPF_RB_AVAIL_DATA: "bytes that were not read yet",
    BPF_RB_RING_SIZE: "size in bytes",
    BPF_RB_CONS_POS: "how far readers are, in bytes since the beginning",
    BPF_RB_PROD_POS: "how far writers are, in bytes since the beginning",
  }),
  ringbuf_reserve_dynptr: meaning(
    "Reserves a record whose size need not be a constant, and makes a dynptr of it. Also where that fails the dynptr must be submitted or discarded; it is empty then. flags must be 0.",
  ),
  ringbuf_submit_dynptr: meaning("Hands a record that was reserved as a dynptr to the readers.", WAKEUP),
  ringbuf_discard_dynptr: meaning("Gives a record up that was reserved as a dynptr.", WAKEUP),
  user_ringbuf_drain: meaning(
    "Calls a function of the program for each record that user space has put into a user ring buffer, with a dynptr of it, until the function returns 1. The result is the number of records, EBUSY where another drains it.",
    {
      BPF_RB_NO_WAKEUP: "wake no writer",
      BPF_RB_FORCE_WAKEUP: "wake the writer, even if nothing was drained",
    },
  ),
  get_local_storage: meaning(
    "Gives the value of a cgroup storage map that belongs to the control group (and hook) that the program runs for. There always is one; flags must be 0.",
  ),
  sk_storage_get: meaning(
    "Gives the value of a socket in a map of socket storage, or NULL where it has none.",
    STORAGE,
  ),
  sk_storage_delete: meaning("Ends the value of a socket in a map of socket storage; ENOENT."),
  inode_storage_get: meaning(
    "Gives the value of an inode in a map of inode storage, or NULL where it has none.",
    STORAGE,
  ),
  inode_storage_delete: meaning("Ends the value of an inode in a map of inode storage; ENOENT."),
  task_storage_get: meaning(
    "Gives the value of a task in a map of task storage, or NULL where it has none.",
    STORAGE,
  ),
  task_storage_delete: meaning("Ends the value of a task in a map of task storage; ENOENT."),
  cgrp_storage_get: meaning(
    "Gives the value of a control group in a map of control group storage, or NULL where it has none.",
    STORAGE,
  ),
  cgrp_storage_delete: meaning(
    "Ends the value of a control group in a map of control group storage; ENOENT.",
  ),
  spin_lock: meaning(
    "Takes the lock of a map value or object, and waits for it. Until the program gives it back it may take no other, call no helpers and not end.",
  ),
  spin_unlock: meaning("Gives back the lock that bpf_spin_lock took."),
  timer_init: meaning(
    "Makes the timer in a map value ready, with a clock. EBUSY where it is already; EPERM where no descriptor or pin holds the map.",
    {
      CLOCK_MONOTONIC: "time since boot without sleep",
      CLOCK_REALTIME: "time of day",
      CLOCK_BOOTTIME: "time since boot",
    },
  ),
  timer_set_callback: meaning(
    "Says which function of the program a timer calls, with map, key and value. EINVAL where the timer was not made ready; EPERM where nobody holds the map.",
  ),
  timer_start: meaning(
    "Has a timer call its function once, so many nanoseconds from now on. A timer that runs already is set anew.",
    {
      BPF_F_TIMER_ABS: "the time is one of the timer's clock, not a distance",
      BPF_F_TIMER_CPU_PIN: "the function runs on this CPU",
    },
  ),
  timer_cancel: meaning(
    "Stops a timer, and waits for its function where that runs on another CPU. 1 where it was to fire; EDEADLK where the function would wait for itself.",
  ),
  kptr_xchg: meaning(
    "Puts a pointer to an object, or NULL, into a pointer field of a map value or object, and gives back what was there: in one step, so that each object has one owner.",
  ),
} as const satisfies HelperMeanings;
