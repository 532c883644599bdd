/** What is known of a function without running it. */

export interface DestructuredKey {
  readonly name: string;
  /** Source text of the default. */
  readonly defaultText?: string;
}

export interface Parameter {
  readonly name: string;
  /** `object`: takes the keyword words when it is the last one. */
  readonly kind: 'plain' | 'rest' | 'object';
  /** It has a default or a `?`. */
  readonly optional: boolean;
  /** Source text of the default. */
  readonly defaultText?: string;
  /** Source text of the type. */
  readonly typeText?: string;
  /** The names that a destructured object takes out; left out when it takes the rest (`...rest`) too. */
  readonly destructuredKeys?: readonly DestructuredKey[];
}

export interface FunctionSignature {
  /** The exported name; `default` for a default export. */
  readonly name: string;
  readonly params: readonly Parameter[];
  /** The comment before it, without comment signs. */
  readonly doc: string;
  /** First line of `doc`, unless it is a tag. */
  readonly docFirstLine: string;
  /** True: it is made by a call or comes from another file, so its parameters are not known; any words fit. */
  readonly opaque: boolean;
}
