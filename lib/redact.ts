const SECRET_QUERY = /([?&](?:[^=&#]*(?:token|secret|password|key|sig)[^=&#]*)=)[^&#]*/gi;

/** The URL with password and secret-looking query values as `***`. Text that is no URL is treated the same way. */
export function redactUrl(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/[^:/?#]*):.*@/i, '$1:***@').replace(SECRET_QUERY, '$1***');
}
