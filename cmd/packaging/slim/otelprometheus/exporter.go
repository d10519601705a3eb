// Package prometheus stands in for the exporter of the same path. The actor
// library imports it for a setting that this program leaves off: New says so.
// Not for anything that exports metrics by OpenTelemetry.
package prometheus

import "errors"

// Exporter is never made.
type Exporter struct {
	Reader any // always nil
}

// New always fails.
func New() (*Exporter, error) {
	return nil, errors.New("prometheus: metrics of the actor library are not part of this build")
}
