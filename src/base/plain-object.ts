/** True for `{}` and what JSON.parse makes; false for arrays, null and instances of classes. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const proto: unknown = Object.getPrototypeOf(value);
  // An object of another realm has another Object.prototype, which again has none above it.
  return proto === null || Object.getPrototypeOf(proto) === null;
}
