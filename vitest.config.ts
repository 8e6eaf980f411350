import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'lab/**/*.test.ts', 'test/golden/**/*.test.ts', 'test/integration/**/*.test.ts'],
    testTimeout: 20_000,
  },
});
