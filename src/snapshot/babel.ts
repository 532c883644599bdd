// A module of its own: a dynamic import of a CommonJS package has no named exports once it is bundled.
export { parse } from '@babel/parser';
