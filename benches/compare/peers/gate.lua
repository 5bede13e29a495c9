-- What lua-resty-jwt does over OpenSSL, for nginx with the libraries that Debian has: verification
-- by a key that is prepared once, the claims by cjson, the counters in shared memory.

local ffi = require "ffi"
local cjson = require "cjson.safe"
local base64 = require "ngx.base64"
local redis = require "nginx.redis"

ffi.cdef [[
typedef struct evp_md_st EVP_MD;
typedef struct hmac_ctx_st HMAC_CTX;
typedef struct bio_st BIO;
typedef struct evp_pkey_st EVP_PKEY;
typedef struct evp_md_ctx_st EVP_MD_CTX;
const EVP_MD *EVP_sha256(void);
HMAC_CTX *HMAC_CTX_new(void);
int HMAC_Init_ex(HMAC_CTX *ctx, const void *key, int len, const EVP_MD *md, void *engine);
int HMAC_Update(HMAC_CTX *ctx, const char *data, size_t len);
int HMAC_Final(HMAC_CTX *ctx, unsigned char *out, unsigned int *len);
BIO *BIO_new_mem_buf(const void *data, int len);
EVP_PKEY *PEM_read_bio_PUBKEY(BIO *bio, EVP_PKEY **key, void *callback, void *user);
EVP_MD_CTX *EVP_MD_CTX_new(void);
int EVP_MD_CTX_reset(EVP_MD_CTX *ctx);
int EVP_DigestVerifyInit(EVP_MD_CTX *ctx, void **pctx, const EVP_MD *md, void *engine, EVP_PKEY *key);
int EVP_DigestVerify(EVP_MD_CTX *ctx, const char *signature, size_t len, const char *data, size_t data_len);
int CRYPTO_memcmp(const void *one, const void *other, size_t len);
]]

local C = ffi.C
local hmac, context = C.HMAC_CTX_new(), C.EVP_MD_CTX_new()
local tag, tag_len = ffi.new("unsigned char[64]"), ffi.new("unsigned int[1]")
local keys, issuer, redis_host, redis_port = {}, nil, nil, nil
local limit_max, limit_seconds = 1000000000, 3600

local gate = {}

function gate.prepare(folder, secret, expected_issuer, host, port)
  assert(C.HMAC_Init_ex(hmac, secret, #secret, C.EVP_sha256(), nil) == 1)
  for _, algorithm in ipairs { "RS256", "ES256", "EdDSA" } do
    local file = assert(io.open(folder .. "/" .. algorithm .. ".pem"))
    local pem = file:read("*a")
    file:close()
    keys[algorithm] = C.PEM_read_bio_PUBKEY(C.BIO_new_mem_buf(pem, #pem), nil, nil, nil)
    assert(keys[algorithm] ~= nil)
  end
  for id in io.lines(folder .. "/revoked") do
    assert(ngx.shared.revoked:set(id, true))
  end
  issuer, redis_host, redis_port = expected_issuer, host, port
end

-- An unsigned number of a DER signature, from 32 bytes.
local function integer(bytes)
  local digits = bytes:gsub("^%z+", "")
  if digits == "" or digits:byte() >= 0x80 then
    digits = "\0" .. digits
  end
  return "\2" .. string.char(#digits) .. digits
end

local verify = {
  HS256 = function(message, signature)
    C.HMAC_Init_ex(hmac, nil, 0, nil, nil)
    C.HMAC_Update(hmac, message, #message)
    C.HMAC_Final(hmac, tag, tag_len)
    return #signature == 32 and C.CRYPTO_memcmp(tag, signature, 32) == 0
  end,
}

local function by_key(algorithm, digest)
  return function(message, signature)
    C.EVP_MD_CTX_reset(context)
    return C.EVP_DigestVerifyInit(context, nil, digest, nil, keys[algorithm]) == 1
      and C.EVP_DigestVerify(context, signature, #signature, message, #message) == 1
  end
end

verify.RS256 = by_key("RS256", C.EVP_sha256())
verify.EdDSA = by_key("EdDSA", nil)
local by_ec_key = by_key("ES256", C.EVP_sha256())
verify.ES256 = function(message, signature)
  if #signature ~= 64 then
    return false
  end
  local numbers = integer(signature:sub(1, 32)) .. integer(signature:sub(33))
  return by_ec_key(message, "\48" .. string.char(#numbers) .. numbers)
end

local function claims_of(algorithm)
  local sent = ngx.var.http_authorization
  local token = sent and sent:match("^[Bb]earer +([%w_.-]+)$")
  if not token then
    return nil
  end
  local message, header, payload, signature = token:match("^(([^.]+)%.([^.]+))%.([^.]+)$")
  if not message then
    return nil
  end
  header = cjson.decode(base64.decode_base64url(header) or "")
  signature = base64.decode_base64url(signature)
  if type(header) ~= "table" or header.alg ~= algorithm or not signature then
    return nil
  end
  if not verify[algorithm](message, signature) then
    return nil
  end
  local claims = cjson.decode(base64.decode_base64url(payload) or "")
  if type(claims) ~= "table" or claims.iss ~= issuer or type(claims.exp) ~= "number" then
    return nil
  end
  return claims.exp > ngx.time() and claims or nil
end

function gate.admit(algorithm)
  local claims = claims_of(algorithm)
  if not claims then
    return ngx.exit(401)
  end
  ngx.var.user_id, ngx.var.user_email, ngx.var.user_role = claims.sub, claims.email, claims.role
  return claims
end

-- As limit.count of lua-resty-limit-traffic counts.
local function take(key, max)
  local count = ngx.shared.limits:incr(key, 1, 0, limit_seconds)
  if not count or count > max then
    return ngx.exit(429)
  end
end

-- With what is revoked in memory.
function gate.limit(algorithm)
  local claims = gate.admit(algorithm)
  if ngx.shared.revoked:get(claims.jti) then
    return ngx.exit(401)
  end
  take(claims.sub, limit_max)
end

-- One request for each user.
function gate.once(algorithm)
  take("once:" .. gate.admit(algorithm).sub, 1)
end

function gate.redis(algorithm)
  local claims = gate.admit(algorithm)
  local client = redis:new()
  client:set_timeout(2000)
  local revoked = client:connect(redis_host, redis_port) and client:exists("revoked:" .. claims.jti)
  if not revoked then
    return ngx.exit(503)
  end
  client:set_keepalive(60000, 512)
  if revoked ~= 0 then
    return ngx.exit(401)
  end
  take(claims.sub, limit_max)
end

return gate
