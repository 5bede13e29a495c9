-- Asks the gateway whether a request may pass. Fails closed: whatever is no plain yes is refused.

local gateway = "http://127.0.0.1:8080/api/auth/verify"
-- What a yes says of the user, under the names of the route (identity_headers).
local identity = { "x-user-id", "x-user-email", "x-user-role", "x-user-issuer" }
local timeout_ms = 5000
-- What of a refusal is handed on.
local handed_on = {
  "content-type", "www-authenticate", "retry-after", "ratelimit", "ratelimit-policy",
  "x-request-id", "cache-control", "allow",
}

local function refuse(txn, status, headers, body)
  local reply = txn:reply()
  reply:set_status(status)
  for name, value in pairs(headers) do
    reply:add_header(name, value)
  end
  reply:set_body(body)
  txn:done(reply)
end

local function verify(txn)
  -- Nothing of the client reaches the decision but its token, and what HAProxy itself knows.
  local asked = {
    ["x-forwarded-method"] = { txn.f:method() },
    ["x-forwarded-uri"] = { txn.f:pathq() },
    ["x-forwarded-for"] = { txn.f:src() },
  }
  local sent = txn.http:req_get_headers()
  -- All values, so that two hosts or two tokens are seen, and refused.
  for asks, name in pairs({ ["x-forwarded-host"] = "host", ["authorization"] = "authorization" }) do
    local values = {}
    for _, value in pairs(sent[name] or {}) do
      values[#values + 1] = value
    end
    if #values > 0 then
      asked[asks] = values
    end
  end
  local said = core.httpclient():get({ url = gateway, headers = asked, timeout = timeout_ms })
  if said and said.status == 200 then
    for _, name in ipairs(identity) do
      txn.http:req_del_header(name)
      local values = said.headers and said.headers[name]
      if values then
        txn.http:req_add_header(name, values[0])
      end
    end
    return
  end
  if said and said.headers and said.headers["proxy-status"] then
    local headers = {}
    for _, name in ipairs(handed_on) do
      local values = said.headers[name]
      if values then
        headers[name] = values[0]
      end
    end
    refuse(txn, said.status, headers, said.body or "")
  else
    local body = '{"error":"The gateway cannot be asked","code":"gateway_unavailable"}'
    refuse(txn, 503, { ["content-type"] = "application/json", ["cache-control"] = "no-store" }, body)
  end
end

core.register_action("gateway_verify", { "http-req" }, verify, 0)
