// A module of its own, so that the build can put it in a file that only jobs with CSV arguments load.
export { parse } from 'csv-parse';
