import { prototype, RETURNS } from "../prototype.ts";

/** Ring buffers and dynptrs. */
export const DYNPTR_PROTOTYPES = {
  bpf_ringbuf_output: prototype("ringbuf_output", ["map", "mem", "sizeOrZero", "any"]),
  bpf_ringbuf_reserve: prototype("ringbuf_reserve", ["map", "allocSize", "any"], {
    returns: RETURNS.ringbufMemOrNull,
  }),
  bpf_ringbuf_submit: prototype("ringbuf_submit", ["record", "any"], { returns: RETURNS.nothing }),
  bpf_ringbuf_discard: prototype("ringbuf_discard", ["record", "any"], { returns: RETURNS.nothing }),
  bpf_ringbuf_query: prototype("ringbuf_query", ["map", "any"]),
  bpf_dynptr_from_mem: prototype("dynptr_from_mem", ["out", "sizeOrZero", "any", "localDynptrOut"]),
  bpf_ringbuf_reserve_dynptr: prototype("ringbuf_reserve_dynptr", ["map", "any", "any", "ringbufDynptrOut"]),
  bpf_ringbuf_submit_dynptr: prototype("ringbuf_submit_dynptr", ["ringbufDynptr", "any"], {
    returns: RETURNS.nothing,
  }),
  bpf_ringbuf_discard_dynptr: prototype("ringbuf_discard_dynptr", ["ringbufDynptr", "any"], {
    returns: RETURNS.nothing,
  }),
  bpf_dynptr_read: prototype("dynptr_read", ["out", "sizeOrZero", "dynptr", "any", "any"]),
  bpf_dynptr_write: prototype("dynptr_write", ["dynptr", "any", "mem", "sizeOrZero", "any"]),
  bpf_dynptr_data: prototype("dynptr_data", ["dynptr", "any", "allocSize"], { returns: RETURNS.memOrNull }),
  bpf_user_ringbuf_drain: prototype("user_ringbuf_drain", ["map", "func", "stackOrNull", "any"]),
};
