/** A pause that can be cut short. */
export class Nap {
  #wake = (): void => undefined;

  /** One at a time. Resolves after `ms` milliseconds, or when {@link wake} is called. */
  async for(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Of no effect while nobody naps. */
  wake(): void {
    this.#wake();
  }
}
