import type { Location } from "../options/location";
import type { Pragma } from "../options/pragmas";

/** What the driver needs to know of the options, with all times in milliseconds. */
export interface DriverSettings {
  readonly location: Location;
  readonly pragmas: readonly Pragma[];
  readonly poolSize: number;
  readonly maxOverflow: number;
  readonly poolTimeout: number;
  readonly poolRecycle: number;
  readonly poolPrePing: boolean;
  readonly busyTimeout: number;
  readonly closeTimeout: number;
}
