import { z } from "zod";
import { text, uuidPattern } from "../../../core/validation.ts";
import { permissions } from "../../guard/permissions.ts";
import { tenantRoles } from "../../guard/ranks.ts";

const id = z.string("must be an id").regex(uuidPattern, "is not an id");
const email = text(3, 254).regex(/^[^@\s]+@[^@\s]+$/, "is not an e-mail address");
const role = z.enum(tenantRoles, `must be one of ${tenantRoles.join(", ")}`);
const person = { name: text(1, 160), role, groupId: id.nullable() };

export const newPerson = z.strictObject({
  ...person,
  email,
  role: role.default("member"),
  groupId: person.groupId.optional(),
});

/** What is left out stays. */
export const personChange = z.strictObject({ ...person, isActive: z.boolean() }).partial();

const group = {
  name: text(1, 80),
  permissions: z
    .array(z.enum(permissions, "is not a permission; GET /v1/groups lists them"))
    .transform((list) => [...new Set(list)].toSorted()),
  stores: z.union(
    [z.literal("all"), z.array(id).max(1_000, "takes at most 1000 stores")],
    `must be "all" or a list of ids of stores`,
  ),
};

export const newGroup = z.strictObject({ ...group, stores: group.stores.default("all") });
export const groupChange = z.strictObject(group).partial();

export type NewPerson = z.output<typeof newPerson>;
export type PersonChange = z.output<typeof personChange>;
export type NewGroup = z.output<typeof newGroup>;
export type GroupChange = z.output<typeof groupChange>;
