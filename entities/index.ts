import { City } from "./city";
import { Country } from "./country";
import { CountryStatistics } from "./country-statistics";
import { Passport } from "./passport";
import { Rating } from "./rating";
import { Tag } from "./tag";
import { Transfer } from "./transfer";
import { Traveller } from "./traveller";
import { Trip } from "./trip";

export { City, FeatureCode } from "./city";
export { Continent, Country } from "./country";
export { CountryStatistics } from "./country-statistics";
export { Passport } from "./passport";
export { Rating } from "./rating";
export { Tag } from "./tag";
export { Transfer } from "./transfer";
export { Traveller, type TravellerPreferences, TravellerStatus } from "./traveller";
export { Trip } from "./trip";

/** Everything that a database of this domain manages: `new SqliteDatabase(location, { entities })`. */
export const entities: (new () => object)[] = [
  Country,
  City,
  CountryStatistics,
  Traveller,
  Passport,
  Trip,
  Tag,
  Rating,
  Transfer,
];
