"""What Kong runs before anything else on a public route: a few lines of Lua that its open plugins have no word for.

They take off what nobody outside may say, hold the token to its audience and tenant, and cut the public prefix off.
Kong's plugin for tokens verifies the signature right after; nothing acts on the token in between.
"""

from collections.abc import Iterable
from typing import Final

from fairway.targets.kubernetes.public_route import CONSUMER_HEADER, Route
from fairway_sdk.contract import CLIENT_CERTIFICATE_HEADER, TENANT_HEADER

MOST_HEADERS: Final = 1000  # that Kong lists; more could hide one
PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_./:@")
JSON: Final = "cjson.safe"  # the one library that the code asks Kong for

TAKEN_OFF: Final = """\
local request, upstream = kong.request, kong.service.request
local function refuse(status, title)
  return kong.response.exit(status, { title = title }, { ["content-type"] = "application/problem+json" })
end
local count = 0
for name in pairs(request.get_headers(@most)) do
  local known = name:lower():gsub("_", "-")
  count = count + 1
  if known == @tenant or known == @certificate or known:find("^x%-fairway%-") or known:find("^x%-envoy%-") then
    upstream.clear_header(name)
  end
end
if count >= @most then
  return refuse(431, "Too many headers.")
end
"""
PATH: Final = """\
local path = request.get_path()
local stem = @prefix
if path ~= stem and path:sub(1, #stem + 1) ~= stem .. "/" then
  return refuse(404, "There is nothing here.")
end
path = path:sub(#stem + 1)
"""
PATH_TENANT: Final = """\
local tenants, tenant = @tenants, nil
tenant, path = path:match("^/([^/]+)(.*)$")
if not tenants[tenant or ""] then
  return refuse(404, "There is no such tenant.")
end
upstream.set_header(@header, tenant)
"""
ASKED: Final = """\
local token = (request.get_header("authorization") or ""):match("^[Bb]earer ([%w_-]+%.[%w_-]+%.[%w_-]+)$")
if not token then
  return refuse(401, "A bearer token is needed.")
end
local part = token:match("%.(.+)%."):gsub("-", "+"):gsub("_", "/")
local text = ngx.decode_base64(part .. ("="):rep(-#part % 4))
local claims = text and require(@json).decode(text)
if type(claims) ~= "table" or type(claims.sub) ~= "string" or type(claims.iss) ~= "string" then
  return refuse(401, "The token names nobody.")
end
local audiences, meant = @audiences, false
for _, one in ipairs(type(claims.aud) == "table" and claims.aud or { claims.aud }) do
  meant = meant or audiences[one] == true
end
if not meant then
  return refuse(401, "The token is meant for somebody else.")
end
upstream.set_header(@consumer, ngx.escape_uri(claims.iss .. " " .. claims.sub))
"""
OF_FEDERATION: Final = """\
local claimed
for _, group in ipairs(type(claims.groups) == "table" and claims.groups or {}) do
  claimed = claimed or (type(group) == "string" and group:match("^tenant:(.+)$"))
end
"""
OF_PROVIDER: Final = """\
local claimed = claims.tenant
"""
CLAIMED: Final = {
    "header": """\
if claimed then
  local tenants = @tenants
  if not tenants[claimed] then
    return refuse(403, "The token is of no tenant that is known here.")
  end
  upstream.set_header(@header, claimed)
end
""",
    "path": """\
if claimed ~= tenant then
  return refuse(403, "The token is of another tenant.")
end
""",
}
END: Final = """\
upstream.set_path(path == "" and "/" or path)
"""


def door(route: Route, *, closed: bool) -> str:
    """Write the code of one public service, for its routes that take a token or for those that need none."""
    public = route.public
    code = TAKEN_OFF + PATH
    if public.tenant_by == "path":
        code += PATH_TENANT
    if closed:
        code += ASKED
    if closed and public.tenant_by:
        code += (OF_FEDERATION if route.federated else OF_PROVIDER) + CLAIMED[public.tenant_by]
    told = {
        "@most": str(MOST_HEADERS),
        "@tenants": _set(public.tenants),
        "@tenant": _text(TENANT_HEADER),
        "@certificate": _text(CLIENT_CERTIFICATE_HEADER),
        "@header": _text(TENANT_HEADER),
        "@prefix": _text(public.prefix.rstrip("/")),
        "@json": _text(JSON),
        "@audiences": _set(route.audiences),
        "@consumer": _text(CONSUMER_HEADER),
    }
    for name, value in told.items():
        code = code.replace(name, value)
    return code + END


def _set(words: Iterable[str]) -> str:
    return "{ " + ", ".join(f"[{_text(word)}] = true" for word in words) + " }"


def _text(text: str) -> str:
    """Write text as Lua does; what is not plain goes by its bytes."""
    return '"' + "".join(chr(byte) if byte in PLAIN else f"\\{byte:03}" for byte in text.encode()) + '"'
