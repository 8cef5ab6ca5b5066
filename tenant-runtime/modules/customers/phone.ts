const e164 = /^\+[1-9]\d{7,14}$/;
/** Area code, then a mobile (9 and eight digits) or a landline (2–5 and seven). */
const brazilian = /^[1-9]{2}(9\d{8}|[2-5]\d{7})$/;

/**
 * A phone number as people type it → E.164, or undefined when it is none. Without a country code it is Brazilian:
 * `(11) 98765-4321` → `+5511987654321`.
 */
export function normalisePhone(typed: string): string | undefined {
  const text = typed.replace(/[\s().\-–/]/g, "").replace(/^00/, "+");
  if (!/^\+?\d+$/.test(text)) return undefined;
  const number = text.startsWith("+") ? text : withCountryCode(text);
  if (number === undefined || !e164.test(number)) return undefined;
  return !number.startsWith("+55") || brazilian.test(number.slice(3)) ? number : undefined;
}

function withCountryCode(digits: string): string | undefined {
  const national = digits.replace(/^0/, "");
  if (brazilian.test(national)) return `+55${national}`;
  return digits.startsWith("55") ? `+${digits}` : undefined;
}
