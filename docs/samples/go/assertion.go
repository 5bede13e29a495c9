// A middleware that lets only requests through that the gateway vouches for. It needs nothing but
// the standard library; Go 1.19 or newer.
package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// Identity is what the gateway vouches for.
type Identity struct {
	Subject  string `json:"sub"`
	Email    string `json:"email"`
	Role     string `json:"role"`
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// Gateway knows the gateway's keys, and whom its assertions have to be for.
type Gateway struct {
	JWKS, Issuer, Audience string

	mutex   sync.Mutex
	keys    map[string]ed25519.PublicKey
	fetched time.Time
}

type identityKey struct{}

// Vouched lets requests with a good assertion through; IdentityOf tells the handler who it is.
func (g *Gateway) Vouched(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		values := r.Header.Values("X-Gateway-Assertion")
		if len(values) == 1 {
			if identity, err := g.verify(values[0], time.Now()); err == nil {
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), identityKey{}, identity)))
				return
			}
		}
		http.Error(w, "the gateway does not vouch for this request", http.StatusUnauthorized)
	})
}

// IdentityOf is who sent a request that Vouched let through.
func IdentityOf(r *http.Request) Identity {
	identity, _ := r.Context().Value(identityKey{}).(Identity)
	return identity
}

func (g *Gateway) verify(token string, now time.Time) (identity Identity, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return identity, errors.New("no token")
	}
	var header struct{ Typ, Alg, Kid string }
	if err = decode(parts[0], &header); err != nil {
		return identity, err
	}
	// The algorithm is pinned here; no other token of the gateway is an assertion.
	if header.Alg != "EdDSA" || header.Typ != "gateway-assertion+jwt" {
		return identity, errors.New("another type of token")
	}
	key, err := g.key(header.Kid, now)
	if err != nil {
		return identity, err
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || !ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), signature) {
		return identity, errors.New("not signed by the gateway")
	}
	if err = decode(parts[1], &identity); err != nil {
		return identity, err
	}
	const leeway = 5
	inTime := identity.IssuedAt <= now.Unix()+leeway && now.Unix() < identity.Expires+leeway
	if identity.Issuer != g.Issuer || identity.Audience != g.Audience || identity.Subject == "" || !inTime {
		return identity, errors.New("for another service, or not in time")
	}
	return identity, nil
}

// key fetches the key set again for a key that is not known, but not more often than every other
// second, whatever is sent.
func (g *Gateway) key(kid string, now time.Time) (ed25519.PublicKey, error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	age := now.Sub(g.fetched)
	if _, known := g.keys[kid]; age > 5*time.Minute || (!known && age > 2*time.Second) {
		g.fetched = now
		if keys, err := fetch(g.JWKS); err == nil {
			g.keys = keys
		}
	}
	if key, known := g.keys[kid]; known {
		return key, nil
	}
	return nil, errors.New("no such key")
}

func fetch(url string) (map[string]ed25519.PublicKey, error) {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var set struct{ Keys []struct{ Kty, Crv, Kid, Alg, Use, X string } }
	if err := json.NewDecoder(http.MaxBytesReader(nil, response.Body, 1<<16)).Decode(&set); err != nil {
		return nil, err
	}
	keys := map[string]ed25519.PublicKey{}
	for _, key := range set.Keys {
		x, err := base64.RawURLEncoding.DecodeString(key.X)
		if err == nil && key.Kty == "OKP" && key.Crv == "Ed25519" && key.Use == "sig" && len(x) == ed25519.PublicKeySize {
			keys[key.Kid] = x
		}
	}
	return keys, nil
}

func decode(part string, into any) error {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func main() {
	gateway := &Gateway{JWKS: os.Getenv("JWKS_URL"), Issuer: os.Getenv("ISSUER"), Audience: os.Getenv("AUDIENCE")}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		identity := IdentityOf(r)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"sub": identity.Subject, "email": identity.Email})
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		panic(err)
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	panic(http.Serve(listener, gateway.Vouched(hello)))
}
