export type Two = 2;
