// Package promhttp stands in for the one of the same path. The actor library
// imports it for a setting that this program leaves off; the node's own /metrics
// need none of it. Not for anything that serves the metrics of others.
package promhttp

import "net/http"

// Handler finds nothing.
func Handler() http.Handler { return http.NotFoundHandler() }
