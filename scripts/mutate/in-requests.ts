/** What a request may hold, and who may send it. */
import type { Mutation } from "./mutation.ts";

const customers = "tenant-runtime/modules/customers";

export const inRequests: readonly Mutation[] = [
  {
    name: "new customers take any field",
    defence: "strict bodies",
    family: "requests",
    file: `${customers}/schemas.ts`,
    from: "newCustomer = z.strictObject(",
    to: "newCustomer = z.looseObject(",
  },
  {
    name: "changes take any field",
    defence: "strict changes",
    family: "requests",
    file: `${customers}/schemas.ts`,
    from: "customerChange = z.strictObject(",
    to: "customerChange = z.looseObject(",
  },
  {
    name: "queries take any field",
    defence: "strict queries",
    family: "requests",
    file: `${customers}/schemas.ts`,
    from: "listQuery = z.strictObject(",
    to: "listQuery = z.looseObject(",
  },
  {
    name: "sign-ins take any field",
    defence: "strict sign-ins",
    family: "requests",
    file: "tenant-runtime/modules/access/routes.ts",
    from: "loginBody = z.strictObject(",
    to: "loginBody = z.looseObject(",
  },
  {
    name: "other sites may send messages",
    defence: "messages of one's own page",
    family: "requests",
    file: "tenant-runtime/modules/chat/visitor.ts",
    from: "if (!isOwn) throw",
    to: "if (isOwn === undefined) throw",
  },
  {
    name: "all conversations are heard",
    defence: "events of one conversation",
    family: "requests",
    file: "tenant-runtime/tenant-events.ts",
    from: "  if (event.conversationId !== subscription.conversationId) return;\n",
    to: "",
  },
  {
    name: "every company has every module",
    defence: "modules of a plan",
    family: "requests",
    file: "tenant-runtime/guard/require-module.ts",
    from: "if (!req.tenant.modules.includes(code))",
    to: "if (req.tenant.modules === undefined)",
  },
  {
    name: "every person has every permission",
    defence: "permissions of a person",
    family: "requests",
    file: "tenant-runtime/guard/require-permission.ts",
    from: "if (!req.user.permissions.includes(permission))",
    to: "if (req.user.permissions === undefined)",
  },
  {
    name: "members are owners",
    defence: "permissions of a person",
    family: "requests",
    file: "tenant-runtime/guard/permissions.ts",
    from: "if (isLeading(role)) return permissions;",
    to: 'if (role !== "") return permissions;',
  },
];
