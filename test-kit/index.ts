/** `secretaria/tenant-runtime/testing`: the whole public surface of what an importer's own tests stand on. */
export type { NewTestTenant, TestTenant } from "./create-tenant.ts";
export { startTestServers, type TestServers } from "./test-servers.ts";
export { createTestTenancy, type TestTenancy, type TestTenancyOptions } from "./test-tenancy.ts";
export type { TokenOptions } from "./token-for.ts";
