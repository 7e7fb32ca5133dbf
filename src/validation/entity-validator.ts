import type { ValidatorOptions } from "class-validator";
import type { EntityMetadata, ObjectLiteral } from "typeorm";
import type { PendingWrite, WriteCheck } from "../driver/write-check";
import { EntityValidationError } from "../errors";
import { type ValidationError, validate, validateSync } from "../options/class-validator";
import { candidateOf, relevantErrors } from "./candidate";
import { type ValidationPlan, validationPlan } from "./validation-plan";

type Kind = PendingWrite["kind"];

/**
 * Validates with class-validator what is about to be written: all columns of an insert, but for those that have a
 * default; only what is set by an update. What is embedded is validated too, what is related is not.
 */
export class EntityValidator implements WriteCheck {
  readonly #options: ValidatorOptions;

  constructor(options: ValidatorOptions = {}) {
    this.#options = options;
  }

  /** @throws EntityValidationError for the first row that is not valid */
  check({ kind, metadata, rows }: PendingWrite): void {
    // Before anything is asked of each row: most entities of some applications have nothing to validate.
    if (metadata.childEntityMetadatas.length === 0 && !validationPlan(metadata)) return;
    for (const row of rows) {
      const { plan, target } = planFor(metadata, row);
      if (plan && !plan.isAsync) refuse(target, this.#errors(plan, kind, row));
    }
  }

  checkAsync({ kind, metadata, rows }: PendingWrite): Promise<void> | undefined {
    if (metadata.childEntityMetadatas.length === 0 && !validationPlan(metadata)?.isAsync) return undefined;
    const waiting = rows.filter((row) => planFor(metadata, row).plan?.isAsync);
    return waiting.length > 0 ? this.#checkEach(kind, metadata, waiting) : undefined;
  }

  async #checkEach(kind: Kind, metadata: EntityMetadata, rows: readonly ObjectLiteral[]): Promise<void> {
    for (const row of rows) {
      const { plan, target } = planFor(metadata, row);
      if (plan) refuse(target, await this.#errorsAsync(plan, kind, row));
    }
  }

  #errors(plan: ValidationPlan, kind: Kind, row: ObjectLiteral): ValidationError[] {
    const { candidate, parts } = candidateOf(plan, row);
    const own = plan.isDecorated ? validateSync(candidate, this.#optionsFor(kind)) : [];
    const inner = parts.map((part) => ({ ...part, errors: this.#errors(part.plan, kind, part.row) }));
    return relevantErrors(plan, kind, row, candidate, own, inner);
  }

  async #errorsAsync(plan: ValidationPlan, kind: Kind, row: ObjectLiteral): Promise<ValidationError[]> {
    const { candidate, parts } = candidateOf(plan, row);
    const own = plan.isDecorated ? await validate(candidate, this.#optionsFor(kind)) : [];
    const inner = await Promise.all(
      parts.map(async (part) => ({ ...part, errors: await this.#errorsAsync(part.plan, kind, part.row) })),
    );
    return relevantErrors(plan, kind, row, candidate, own, inner);
  }

  #optionsFor(kind: Kind): ValidatorOptions {
    return kind === "update" ? { ...this.#options, skipUndefinedProperties: true } : this.#options;
  }
}

/** With single table inheritance, what is written to the parent's table may be of a child's class. */
function planFor(metadata: EntityMetadata, row: ObjectLiteral) {
  const actual = metadata.childEntityMetadatas.length > 0 ? metadata.findInheritanceMetadata(row) : metadata;
  return { plan: validationPlan(actual), target: actual.name };
}

function refuse(entity: string, errors: readonly ValidationError[]): void {
  if (errors.length > 0) throw new EntityValidationError(entity, errors);
}
