/** Makes labels, each once. */
export class LabelNumbers {
  #places = 0;
  #functions = 0;

  /** `L1`, `L2` … */
  nextPlace(): string {
    return `L${++this.#places}`;
  }

  /** `func1`, `func2` … */
  nextFunction(): string {
    return `func${++this.#functions}`;
  }
}
