export { createTestDatabase } from "./create-test-database";
export { type Sandbox, sandbox } from "./sandbox";
export type { TestDatabase } from "./test-database";
