import type { ResourceFactory } from "../../src/pool/resource-pool";

/** A resource of the tests: nothing but a number, which tells the parts apart. */
export interface Part {
  readonly id: number;
}

/** Makes parts and remembers what became of them. What it does by itself, a test may replace. */
export class PartFactory implements ResourceFactory<Part> {
  readonly made: Part[] = [];
  readonly validated: number[] = [];
  readonly destroyed: number[] = [];

  create = async (): Promise<Part> => this.make();

  validate = async ({ id }: Part): Promise<boolean> => {
    this.validated.push(id);
    return true;
  };

  destroy = async ({ id }: Part): Promise<void> => {
    this.destroyed.push(id);
  };

  make(): Part {
    const part = { id: this.made.length + 1 };
    this.made.push(part);
    return part;
  }
}
