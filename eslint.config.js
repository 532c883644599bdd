// Strict where the product and its tests are, light where code is there to be read (examples) or measured (bench).
import tseslint from 'typescript-eslint';

const PLAIN = ['**/*.js', '**/*.mjs', '**/*.cjs', 'bench/**', 'examples/**', '*.ts'];

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'coverage/',
      '.cache/',
      'bench/out/',
      // What runs of the projects in there leave behind.
      'bench/project/{dl_jobs,results,errors,logs}/',
      'examples/*/{dl_jobs,results,errors,logs}/',
      'test/fixtures/',
      'test/**/fixtures/',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{js,mjs,cjs,ts,mts,cts}'],
    extends: [tseslint.configs.base],
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-debugger': 'error',
      'no-self-compare': 'error',
      'no-template-curly-in-string': 'error',
      'no-throw-literal': 'error',
      'no-unreachable': 'error',
      'no-unsafe-finally': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none', ignoreRestSiblings: true },
      ],
    },
  },
  {
    files: ['src/**/*.ts', 'test/**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ExportDefaultDeclaration',
          message: 'Export by name: one name for one thing, everywhere.',
        },
      ],
      // Numbers and booleans read well in messages; objects and `undefined` are still refused.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // Declared types lie at our edges: `JSON.stringify` can give undefined, what user code throws or returns can be
      // anything. A check or conversion that looks needless to the types is there on purpose.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unnecessary-type-conversion': 'off',
      // Short callbacks: `onData((chunk) => stream.write(chunk))`.
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidOperator: true },
      ],
      // With noUncheckedIndexedAccess, `array[i]!` in a loop bounded by the length is the honest way to say it.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // An async function without await is how an interface that returns a promise is met: it never throws at once.
      '@typescript-eslint/require-await': 'off',
      // What is thrown may come from user code and is passed on as it is.
      '@typescript-eslint/only-throw-error': [
        'error',
        { allowThrowingUnknown: true, allowThrowingAny: false },
      ],
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      // A type parameter that stands once can still carry the type of a caller's JSON.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // Keys like `__proto__` are removed from dictionaries that have no prototype; that is their use.
      '@typescript-eslint/no-dynamic-delete': 'off',
      // Overloads document each form of a call with its own comment.
      '@typescript-eslint/unified-signatures': 'off',
    },
  },
  {
    // Tests read JSON and hold wrong values against the API on purpose.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
      'no-template-curly-in-string': 'off',
    },
  },
  { files: PLAIN, extends: [tseslint.configs.disableTypeChecked] },
);
