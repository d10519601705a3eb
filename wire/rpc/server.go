package rpc

import (
	"log/slog"
	"net/http"
)

// Config is what a Server may be told. See DefaultConfig.
type Config struct{}

// Server answers the actions. It is an http.Handler.
type Server struct {
	config  Config
	backend Backend
	log     *slog.Logger
}

// New returns a Server. The configuration must be valid.
func New(config Config, backend Backend, log *slog.Logger) *Server {
	return &Server{config: config, backend: backend, log: log}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "not yet", http.StatusNotImplemented)
}
