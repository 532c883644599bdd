/** @see pythons.mjs */
export declare function findOldest(): { readonly minor: number; readonly path: string } | undefined;
