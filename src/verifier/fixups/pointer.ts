/**
 * What is known about a value, as far as fixups need it: small integers, so that states are typed arrays.
 *
 * ```text
 *  31                    4 3      0
 * +-----------------------+--------+
 * | payload (signed)      | kind   |
 * +-----------------------+--------+
 * ```
 */
export type Pointer = number;

export const PointerKind = {
  /** A number, or a pointer that fixups do not care about. */
  none: 0,
  /** The context; payload: constant offset in bytes. */
  context: 1,
  /** The context, at an offset that is not constant. */
  contextSomewhere: 2,
  /** A stack frame; payload: function << 12 | -offset. */
  frame: 3,
  /** A stack frame at an offset that is not constant; payload: function. */
  frameSomewhere: 4,
  /** Into a packet, its metadata included. */
  packet: 5,
  /** A map; payload: its number in the list of maps. */
  map: 6,
  /** A function; payload: its slot. */
  code: 7,
  /** The context on one path and something else on another; payload: number of the {@link Mix}. */
  mixed: 8,
} as const;

/** Where a context pointer and something else met. */
export interface Mix {
  /** The slot before the join, on the path where the value is the context. */
  readonly contextFrom: number;
  readonly otherFrom: number;
}

export const NONE: Pointer = PointerKind.none;
export const PACKET: Pointer = PointerKind.packet;
export const CONTEXT_SOMEWHERE: Pointer = PointerKind.contextSomewhere;

const KIND_MASK = 15;
const FRAME_BITS = 12;
const FRAME_SIZE = 1 << FRAME_BITS;
/** Functions and offsets beyond this are not followed. */
const PAYLOAD_LIMIT = 1 << 27;

export function kindOf(pointer: Pointer): number {
  return pointer & KIND_MASK;
}

export function payloadOf(pointer: Pointer): number {
  return pointer >> 4;
}

function make(kind: number, payload: number): Pointer {
  return (payload << 4) | kind;
}

export function contextAt(offset: number): Pointer {
  return Math.abs(offset) < PAYLOAD_LIMIT ? make(PointerKind.context, offset) : CONTEXT_SOMEWHERE;
}

/** A place in the frame of a function; `offset` counts from the frame pointer. */
export function frameAt(func: number, offset: number): Pointer {
  if (func >= PAYLOAD_LIMIT >> FRAME_BITS) return NONE;
  if (offset > 0 || offset <= -FRAME_SIZE) return make(PointerKind.frameSomewhere, func);
  return make(PointerKind.frame, (func << FRAME_BITS) | -offset);
}

export function frameFunction(pointer: Pointer): number {
  const payload = payloadOf(pointer);
  return kindOf(pointer) === PointerKind.frame ? payload >> FRAME_BITS : payload;
}

/** Bytes from the frame pointer: 0 or less. */
export function frameOffset(pointer: Pointer): number {
  return -(payloadOf(pointer) & (FRAME_SIZE - 1));
}

export function mapPointer(index: number): Pointer {
  return make(PointerKind.map, index);
}

export function codePointer(slot: number): Pointer {
  return slot < PAYLOAD_LIMIT ? make(PointerKind.code, slot) : NONE;
}

export function mixedPointer(mix: number): Pointer {
  return mix < PAYLOAD_LIMIT ? make(PointerKind.mixed, mix) : NONE;
}

function isContext(pointer: Pointer): boolean {
  const kind = kindOf(pointer);
  return kind === PointerKind.context || kind === PointerKind.contextSomewhere;
}

/**
 * The value where two paths meet. `mix` is asked for the number of a {@link Mix} when a context pointer meets
 * something else; it gets whether `a` is the context.
 */
export function join(a: Pointer, b: Pointer, mix: (aIsContext: boolean) => number): Pointer {
  if (a === b) return a;
  if (kindOf(a) === PointerKind.mixed) return a;
  if (kindOf(b) === PointerKind.mixed) return b;
  if (isContext(a)) return isContext(b) ? CONTEXT_SOMEWHERE : mixedPointer(mix(true));
  if (isContext(b)) return mixedPointer(mix(false));
  const bothFrames = isFrame(a) && isFrame(b) && frameFunction(a) === frameFunction(b);
  return bothFrames ? make(PointerKind.frameSomewhere, frameFunction(a)) : NONE;
}

export function isFrame(pointer: Pointer): boolean {
  const kind = kindOf(pointer);
  return kind === PointerKind.frame || kind === PointerKind.frameSomewhere;
}

/** `pointer + distance`, in bytes. */
export function advance(pointer: Pointer, distance: number): Pointer {
  switch (kindOf(pointer)) {
    case PointerKind.context:
      return contextAt(payloadOf(pointer) + distance);
    case PointerKind.frame:
      return frameAt(frameFunction(pointer), frameOffset(pointer) + distance);
    case PointerKind.contextSomewhere:
    case PointerKind.frameSomewhere:
    case PointerKind.packet:
    case PointerKind.mixed:
      return pointer;
    default:
      return NONE;
  }
}

/** `pointer + something`. */
export function advanceSomewhere(pointer: Pointer): Pointer {
  switch (kindOf(pointer)) {
    case PointerKind.context:
      return CONTEXT_SOMEWHERE;
    case PointerKind.frame:
      return make(PointerKind.frameSomewhere, frameFunction(pointer));
    default:
      return advance(pointer, 0);
  }
}
