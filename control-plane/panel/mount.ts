import { Router, type Express, type RequestHandler } from "express";
import type { ControlContext } from "../context.ts";
import { assetBase, serveAssets } from "./asset-files.ts";
import { acceptForms } from "./form.ts";
import { answerPageErrors, missingPage } from "./page-errors.ts";
import { makeChange, showChange } from "./pages/change.ts";
import { deleteFromPage, showDeletion } from "./pages/delete.ts";
import { impersonate, showImpersonation } from "./pages/impersonate.ts";
import { invite, showInvitation } from "./pages/invite.ts";
import { logIn, logOut, showLogin } from "./pages/login.ts";
import { sendManifest, showManifest } from "./pages/manifest.ts";
import { changeMigration, showAbort } from "./pages/change-migration.ts";
import { showMigration } from "./pages/migration.ts";
import { showMigrations } from "./pages/migrations.ts";
import { showNewMigration, startMigration } from "./pages/new-migration.ts";
import { createTenant, showNewTenant } from "./pages/new-tenant.ts";
import { setUp, showSetup } from "./pages/setup.ts";
import { retryFromPage, showTenant } from "./pages/tenant.ts";
import { showTenants } from "./pages/tenants.ts";
import { acts } from "./acts.ts";
import type { PanelContext } from "./panel-context.ts";
import { anyone, person } from "./people.ts";
import { openViews } from "./render.ts";
import { runActs, type RunActName } from "./run-acts.ts";

/**
 * The panel's table of routes. Mount it last: it answers browsers that ask for a page nobody has.
 * @param guessing slows refused sign-ins; the API's own, so that both share one budget.
 */
export function mountPanel(app: Express, control: ControlContext, guessing: RequestHandler): void {
  const assets = assetBase();
  const ctx: PanelContext = { ...control, views: openViews(assets) };
  const form = acceptForms(ctx);
  const guarded = [...form, guessing];
  const panel = Router();

  serveAssets(panel, assets);
  panel.get(
    "/",
    person(ctx, async (_ctx, { res }) => res.redirect(303, "/tenants")),
  );
  panel.get("/login", anyone(ctx, showLogin));
  panel.post("/login", guarded, anyone(ctx, logIn));
  panel.post("/logout", form, anyone(ctx, logOut));
  panel.get("/setup", anyone(ctx, showSetup));
  panel.post("/setup", guarded, anyone(ctx, setUp));
  panel.get("/tenants", person(ctx, showTenants));
  panel.get("/tenants/new", person(ctx, showNewTenant, "operator"));
  panel.post("/tenants/new", form, person(ctx, createTenant));
  panel.get("/tenants/:id", person(ctx, showTenant));
  panel.post("/tenants/:id/retry", form, person(ctx, retryFromPage));
  for (const act of ["suspend", "resume", "undelete", "reconcile"] as const) {
    panel.get(`/tenants/:id/${act}`, person(ctx, showChange(act), acts[act].least));
    panel.post(`/tenants/:id/${act}`, form, person(ctx, makeChange(act), acts[act].least));
  }
  panel.get("/tenants/:id/invite", person(ctx, showInvitation, acts.invite.least));
  panel.post("/tenants/:id/invite", form, person(ctx, invite, acts.invite.least));
  panel.get("/tenants/:id/impersonate", person(ctx, showImpersonation, acts.impersonate.least));
  panel.post("/tenants/:id/impersonate", form, person(ctx, impersonate, acts.impersonate.least));
  panel.get("/tenants/:id/delete", person(ctx, showDeletion, acts.delete.least));
  panel.post("/tenants/:id/delete", form, person(ctx, deleteFromPage, acts.delete.least));
  panel.get("/tenants/:id/manifest", person(ctx, showManifest));
  panel.get("/tenants/:id/manifest.jws", person(ctx, sendManifest));
  panel.get("/migrations", person(ctx, showMigrations));
  panel.get("/migrations/new", person(ctx, showNewMigration, "operator"));
  panel.post("/migrations/new", form, person(ctx, startMigration, "admin"));
  panel.get("/migrations/:id", person(ctx, showMigration));
  panel.get("/migrations/:id/abort", person(ctx, showAbort, runActs.abort.least));
  for (const act of Object.keys(runActs) as RunActName[])
    panel.post(`/migrations/:id/${act}`, form, person(ctx, changeMigration(act), runActs[act].least));
  panel.use(missingPage(ctx));
  panel.use(answerPageErrors(ctx));
  app.use(panel);
}
