/** Ends what the value of a map owns: all of it, or (`onlyTimers`) its timers and work queues. Arguments are offsets. */
export type FreeFields = (map: number, value: number, onlyTimers?: boolean) => void;
