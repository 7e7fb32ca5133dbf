import type * as ClassValidator from "class-validator";

/**
 * The parts of class-validator that are used here, from the files they are in. Its index brings all of its decorators,
 * with validator.js and libphonenumber-js: 300 more files, a quarter of the time from `require` to the first row, for
 * nothing where no entity has one of them. Where one has, the application has loaded these very files.
 */
type Part<Name extends keyof typeof ClassValidator> = Pick<typeof ClassValidator, Name>;

const { getFromContainer }: Part<"getFromContainer"> = require("class-validator/cjs/container");
const { Validator }: Part<"Validator"> = require("class-validator/cjs/validation/Validator");

export const { getMetadataStorage }: Part<"getMetadataStorage"> =
  require("class-validator/cjs/metadata/MetadataStorage");
export const { ValidationError }: Part<"ValidationError"> =
  require("class-validator/cjs/validation/ValidationError");
export type ValidationError = ClassValidator.ValidationError;

export const { IsBoolean }: Part<"IsBoolean"> =
  require("class-validator/cjs/decorator/typechecker/IsBoolean");
export const { IsInt }: Part<"IsInt"> = require("class-validator/cjs/decorator/typechecker/IsInt");
export const { IsNumber }: Part<"IsNumber"> = require("class-validator/cjs/decorator/typechecker/IsNumber");
export const { Max }: Part<"Max"> = require("class-validator/cjs/decorator/number/Max");
export const { Min }: Part<"Min"> = require("class-validator/cjs/decorator/number/Min");
export const { ValidateBy }: Part<"ValidateBy"> = require("class-validator/cjs/decorator/common/ValidateBy");

/** By the validator of the container that the application may have given to class-validator, as its index does. */
export function validate(object: object, options: ClassValidator.ValidatorOptions) {
  return getFromContainer(Validator).validate(object, options);
}

export function validateSync(object: object, options: ClassValidator.ValidatorOptions) {
  return getFromContainer(Validator).validateSync(object, options);
}
