// Package metric stands in for the SDK of the same path, of which the actor
// library needs two names for a setting that this program leaves off. Not for
// anything that measures by OpenTelemetry.
package metric

import (
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// Option says nothing.
type Option struct{}

// WithReader ignores the reader.
func WithReader(any) Option { return Option{} }

// NewMeterProvider returns one that measures nothing.
func NewMeterProvider(...Option) metric.MeterProvider { return noop.NewMeterProvider() }
