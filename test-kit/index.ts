/** `secretaria/tenant-runtime/testing`: the whole public surface of what an importer's own tests stand on. */
export { createTestTenancy } from "./create-test-tenancy.ts";
export { startTestServers, type TestServers } from "./test-servers.ts";
export type { NewTestTenant, TestTenancy, TestTenancyOptions, TestTenant, TokenOptions } from "./test-tenancy.ts";
