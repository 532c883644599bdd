import { DLJob } from 'dl-jobs';
import { countryIds, type CountryTask, type cover } from '../tasks/country.js';

/** Area, centroid and web-mercator tiles of every country: `dl_jobs run countries.tiles 5`. */
export function tiles(zoom = '6') {
  return new DLJob<typeof cover>({
    moduleName: 'tasks.country',
    methodName: 'cover',
    argsList: everyCountry(Number(zoom)),
    saveResults: 'countries',
    resultsTimestamp: false,
  });
}

/** Land per tile and hemisphere of each country, in Python, from what `tiles` wrote. */
export function summary(path = 'results/countries.ndjson') {
  return new DLJob({
    moduleName: 'tasks.summary',
    methodName: 'density',
    argsList: path,
    saveResults: 'summary',
    resultsTimestamp: false,
  });
}

/** Arguments are small: the task reads the outline of its country itself. */
function* everyCountry(zoom: number): Generator<CountryTask> {
  for (const id of countryIds()) yield { id, zoom };
}
