/** Reenviar convite: what it does, then the link, once, for whoever would rather hand it over than trust in the mail. */
import { AppError } from "../../../core/errors.ts";
import { setupLinkDays } from "../../lifecycle/resources/owner.ts";
import type { CompanyRow } from "../../lifecycle/tenant-store.ts";
import { getCompany } from "../../tenants/changes/change-tenant.ts";
import { requestInvitation } from "../../tenants/changes/request-invitation.ts";
import { acts } from "../acts.ts";
import { localeOf, referenceOf, show, type PanelContext, type PersonsVisit } from "../panel-context.ts";
import { presentProblems, type Problem } from "../problems.ts";
import { keepShown, takeShown, type Shown } from "../shown-once.ts";

interface Link {
  readonly setupUrl: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

export async function showInvitation(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const company = await getCompany(ctx.db, referenceOf(visit));
  const link = takeShown(ctx, visit, placeOf(company)) as Link | undefined;
  if (link === undefined && !acts.invite.fits(company)) return visit.res.redirect(303, `/tenants/${company.id}`);
  showPage(ctx, visit, { company, link, problems: [] });
}

/** Loading the answer again sends no second mail. */
export async function invite(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const { actor, req, res } = visit;
  const reference = referenceOf(visit);
  try {
    const { company, setupUrl, expiresAt } = await requestInvitation(ctx, {
      reference,
      actor,
      correlationId: req.correlationId,
    });
    const link: Link = { setupUrl, expiresAt: expiresAt.toISOString() };
    keepShown(ctx, visit, placeOf(company), link);
    res.redirect(303, placeOf(company).path);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "state-conflict") throw error;
    const company = await getCompany(ctx.db, reference);
    // Of a company that is served only the owner can be in the way.
    const kind = acts.invite.fits(company) ? "owner-set" : error.code;
    showPage(ctx, visit, { company, link: undefined, problems: [{ field: "form", kind }] });
  }
}

const placeOf = ({ id }: Pick<CompanyRow, "id">): Shown => ({
  name: "secretaria_invitation",
  path: `/tenants/${id}/invite`,
  seal: `invitation:${id}`,
});

interface PageState {
  readonly company: CompanyRow;
  readonly link: Link | undefined;
  readonly problems: readonly Problem[];
}

function showPage(ctx: PanelContext, visit: PersonsVisit, { company, link, problems }: PageState): void {
  const locale = localeOf(ctx, visit);
  const isMailed = ctx.config.SMTP_URL !== undefined;
  const model = {
    company,
    link,
    days: locale.days(setupLinkDays),
    isMailed,
    mailLanguage: locale.text(`language.${company.locale}`),
    ...presentProblems(locale, "invite", problems),
  };
  const done = isMailed ? "invite.done.title" : "invite.done.title.unmailed";
  const title = locale.text(link === undefined ? "act.invite" : done);
  show(ctx, visit, { view: "invite", title, status: problems.length > 0 ? 409 : 200, model });
}
