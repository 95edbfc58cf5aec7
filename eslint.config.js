import tseslint from 'typescript-eslint';

const timeRules = [
  { selector: "MemberExpression[object.name='Date'][property.name='now']", message: 'Read time through a Clock.' },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Read time through a Clock.' },
  {
    selector: "MemberExpression[object.name='performance'][property.name='now']",
    message: 'Read time through a Clock.',
  },
  { selector: 'CallExpression[callee.name=/^(setTimeout|setInterval)$/]', message: 'Set timers through a Clock.' },
];

const restricted = (patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });
const nest = {
  group: ['@nestjs/*'],
  message: 'NestJS belongs to api/, nestjs/, *.module.ts, app.module.ts and main.ts.',
};
const redis = { group: ['ioredis'], message: 'ioredis is reached through store/redis only.' };
const zookeeper = {
  group: ['node-zookeeper-client'],
  message: 'ZooKeeper is reached through leader/zookeeper-client.ts only.',
};

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'coverage/**',
      'node_modules/**',
      'bench/node_modules/**',
      'web/**',
      '**/*.mjs',
      '**/*.cjs',
      '**/*.js',
      '**/*.d.mts',
    ],
  },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.check.json' } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      // Methods of an async port may have nothing to await in one implementation.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Numbers and instants in messages are meant as they print.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // Nest decorators and vitest matchers hand methods around unbound on purpose.
      '@typescript-eslint/unbound-method': 'off',
      'max-params': ['error', 4],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...timeRules],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 4],
      'no-console': 'error',
      ...restricted([nest, redis, zookeeper]),
    },
  },
  { files: ['src/runtime/system-clock.ts'], rules: { 'no-restricted-syntax': 'off' } },
  { files: ['src/cli/**/*.ts', 'src/main.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['src/api/**/*.ts', 'src/nestjs/**/*.ts', 'src/**/*.module.ts', 'src/app.module.ts', 'src/main.ts'],
    rules: restricted([redis, zookeeper]),
  },
  { files: ['src/store/redis/**/*.ts', 'src/comet/redis/**/*.ts'], rules: restricted([nest, zookeeper]) },
  { files: ['src/leader/zookeeper-client.ts'], rules: restricted([nest, redis]) },
  {
    files: ['test/**/*.ts', 'examples/**/*.ts', 'bench/**/*.ts'],
    rules: {
      // Responses and records of unknown shape are looked into by assertions.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
);
