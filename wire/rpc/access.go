package rpc

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// hostAllowed reports whether the server may be called by the name in the Host
// header. Plain addresses are always allowed: a page that was loaded from a
// name of someone else sends that name, never an address.
func (s *Server) hostAllowed(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if name == "" || name == "localhost" || s.hosts["*"] || s.hosts[name] {
		return true
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// isOperator reports whether a request carries the token. The time it takes
// does not depend on how much of the token is right.
func (s *Server) isOperator(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !s.config.Operator || s.config.Token == "" || !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	given := sha256.Sum256([]byte(strings.TrimSpace(token)))
	return subtle.ConstantTimeCompare(given[:], s.token[:]) == 1
}

// callerOf returns the bucket that a request is paid from.
func (s *Server) callerOf(r *http.Request) *caller {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if s.config.Rate == 0 || err != nil || from.Addr().Unmap().IsLoopback() && !s.config.LimitLoopback {
		return nil
	}
	return &caller{s.clients, clientOf(from.Addr())}
}

// howToControl is the same whoever asks for whatever, so that it tells nothing.
const howToControl = `send the token of the node: "Authorization: Bearer TOKEN"; it stands in the file rpc.token in the data folder of the node`

// admit refuses an action that the caller's role does not reach.
func (x *exchange) admit(a *action) *Error {
	config := &x.server.config
	switch {
	case x.operator:
		return nil
	case a.role == Operator:
		return controlDisabled.because(howToControl)
	case a.role == Public && !config.Public, a.role == Probe && !config.Probe:
		return notServed.because("%s belongs to the role %s, which is switched off on this port", a.name, a.role)
	}
	return nil
}

// allowOthers tells a browser that pages of other sites may read the answer.
func (s *Server) allowOthers(h http.Header) {
	if s.config.CORS && s.config.Public {
		h.Set("Access-Control-Allow-Origin", "*")
	}
}

// preflight answers the question that a browser asks before it lets a page of
// another site send a request. No header but Content-Type is allowed, so such
// a page can never send the token.
func (s *Server) preflight(w http.ResponseWriter) {
	if !s.config.CORS || !s.config.Public {
		s.refuse(w, http.StatusMethodNotAllowed, onlyPost.plain())
		return
	}
	h := w.Header()
	s.allowOthers(h)
	h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Content-Type")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}
