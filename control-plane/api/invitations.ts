import { z } from "zod";
import { requestInvitation } from "../tenants/changes/request-invitation.ts";
import { defineRoute, type Route } from "./route.ts";
import { tenantReference } from "./tenant-changes.ts";

const invitationSchema = z.object({
  setupUrl: z.string().describe("One-time page where the owner sets a password"),
  expiresAt: z.iso.datetime(),
});

export type Invitation = z.output<typeof invitationSchema>;

export const invitationRoutes: readonly Route[] = [
  defineRoute({
    method: "post",
    path: "/api/tenants/:id/resend-invitation",
    tag: "tenants",
    summary: "Write to the owner again, with a set-up link that is good for another seven days",
    auth: "user",
    params: tenantReference,
    answers: { 202: { description: "The mail is on its way; the link is good from now", schema: invitationSchema } },
    async handle(ctx, { params, req, res, actor }) {
      const { setupUrl, expiresAt } = await requestInvitation(ctx, {
        reference: params.id,
        actor,
        correlationId: req.correlationId,
      });
      res.status(202).set("Cache-Control", "no-store").json({ setupUrl, expiresAt: expiresAt.toISOString() });
    },
  }),
];
