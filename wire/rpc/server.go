package rpc

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Server answers the actions. It is an http.Handler; it opens no port.
type Server struct {
	config  Config
	backend Backend
	network *lattice.Network
	log     *slog.Logger

	token   [sha256.Size]byte // digest of the token
	hosts   map[string]bool   // allowed names, lower case
	origin  *http.CrossOriginProtection
	working places
	waiting places
	clients *clients
}

// New returns a Server. It panics when the configuration is not valid; see
// Config.Validate.
func New(config Config, backend Backend, log *slog.Logger) *Server {
	if err := config.Validate(); err != nil {
		panic("rpc: New with an invalid configuration: " + err.Error())
	}
	s := &Server{
		config:  config,
		backend: backend,
		network: backend.Network(),
		log:     log,
		token:   sha256.Sum256([]byte(config.Token)),
		hosts:   make(map[string]bool),
		origin:  http.NewCrossOriginProtection(),
		working: make(places, config.MaxConcurrent),
		waiting: make(places, config.MaxWaiting),
		clients: newClients(config.Rate, config.Burst, config.Clients, config.Now),
	}
	for _, name := range config.Hosts {
		s.hosts[strings.ToLower(name)] = true
	}
	return s
}

// readTimeout is how long a client may take to send a request.
const readTimeout = 15 * time.Second

// HTTP returns an http.Server for this handler with all its time and size
// limits set. The caller gives it a listener (see Listen) and shuts it down.
func (s *Server) HTTP() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           s,
		Protocols:         protocols,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       readTimeout,
		ConnContext:       withConn,
		WriteTimeout:      s.config.RequestTimeout + 15*time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// ServeHTTP answers one request. The dialect is told by the body, so that any
// path and any content type will do.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer connOf(r).answering()()
	defer func() {
		if fault := recover(); fault != nil {
			s.log.Error("rpc: panic in a request", "fault", fault, "stack", string(debug.Stack()))
			s.refuse(w, http.StatusInternalServerError, internalError.because("the log of the node tells more"))
		}
	}()
	switch {
	case !s.hostAllowed(r.Host):
		s.refuse(w, http.StatusForbidden, badHost.because("Host %q: name it in the setting rpc_hosts, or use the address", clip(r.Host)))
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		s.probe(w, r)
	case r.Method == http.MethodOptions:
		s.preflight(w)
	case r.Method != http.MethodPost:
		s.refuse(w, http.StatusMethodNotAllowed, onlyPost.plain())
	default:
		s.post(w, r)
	}
}

func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	foreign := s.origin.Check(r)
	if foreign != nil && !s.config.CORS {
		s.refuse(w, http.StatusForbidden, crossOrigin.because("%s", foreign))
		return
	}
	s.allowOthers(w.Header())
	x := &exchange{server: s, operator: foreign == nil && s.isOperator(r)}
	if !x.operator {
		x.caller = s.callerOf(r)
	}
	if wait := x.caller.refused(); wait > 0 {
		s.refuseBusy(w, rateLimited.because("ask again in %d s", retryAfter(wait)), wait)
		return
	}
	body, ok := s.body(w, r)
	if !ok {
		x.caller.charge(1)
		return
	}
	if !s.working.take() {
		s.refuseBusy(w, overloaded.because("%d requests are worked on already; ask again later", s.config.MaxConcurrent), time.Second)
		return
	}
	x.place = &place{in: s.working}
	defer x.place.leave()
	ctx, cancel := context.WithTimeout(r.Context(), s.config.RequestTimeout)
	defer cancel()
	x.ctx = ctx
	answer := x.answer(body)
	switch {
	case x.busy:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter(max(time.Second, x.caller.refused()))))
		s.write(w, http.StatusTooManyRequests, answer)
	case x.broken:
		s.write(w, http.StatusInternalServerError, answer)
	case answer == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		s.write(w, http.StatusOK, answer)
	}
}

// maxDiscard is how much of a request that is too large is read for the sake of
// an answer that arrives.
const maxDiscard = 64 << 20

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

func (s *Server) body(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	if r.ContentLength > s.config.BodyLimit && r.Header.Get("Expect") != "" { // it asks before it sends
		s.refuse(w, http.StatusRequestEntityTooLarge, bodyTooLarge.because("at most %d bytes are read", s.config.BodyLimit))
		return nil, false
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, s.config.BodyLimit+1))
	if err == nil && int64(len(body)) > s.config.BodyLimit {
		// Who sends all before reading would see nothing but a broken connection.
		_, _ = io.CopyN(io.Discard, r.Body, maxDiscard)
		w.Header().Set("Connection", "close")
		s.refuse(w, http.StatusRequestEntityTooLarge, bodyTooLarge.because("at most %d bytes are read", s.config.BodyLimit))
		return nil, false
	}
	switch {
	case isTimeout(err):
		w.Header().Set("Connection", "close")
		s.refuse(w, http.StatusRequestTimeout, tooSlow.because("the rest of the request did not come within %v", readTimeout))
	case err != nil:
		s.refuse(w, http.StatusBadRequest, badRequest.because("the body could not be read: %s", err))
	default:
		return body, true
	}
	return nil, false
}

// probe answers GET: is the node alive, is it ready, its metrics, and its page.
func (s *Server) probe(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.config.Probe && r.URL.Path == "/health/live":
		s.write(w, http.StatusOK, appendJSON(nil, obj("live", true)))
	case s.config.Probe && r.URL.Path == "/health/ready":
		report, status := healthReport(s.backend), http.StatusOK
		if !report.Ready {
			status = http.StatusServiceUnavailable
		}
		s.write(w, status, appendJSON(nil, obj("ready", report.Ready, "state", string(report.State), "reasons", report.Reasons)))
	case s.config.Probe && r.URL.Path == "/metrics" && s.config.Metrics != nil:
		s.config.Metrics.ServeHTTP(w, r)
	case s.config.Public && r.URL.Path == "/" && s.config.Page != nil:
		s.config.Page.ServeHTTP(w, r)
	default:
		s.refuse(w, http.StatusMethodNotAllowed, onlyPost.plain())
	}
}

// refuse answers before the dialect is known.
func (s *Server) refuse(w http.ResponseWriter, status int, err *Error) {
	s.write(w, status, appendJSON(nil, actionError(err)))
}

func (s *Server) refuseBusy(w http.ResponseWriter, err *Error, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(retryAfter(wait)))
	s.refuse(w, http.StatusTooManyRequests, err)
}

func (s *Server) write(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // who does not read the answer does not want it
}
