package wire

// TelemetryReq asks for telemetry. It has no body.
type TelemetryReq struct{}

// Type returns TypeTelemetryReq.
func (*TelemetryReq) Type() Type { return TypeTelemetryReq }

func (*TelemetryReq) check() error { return nil }

func (*TelemetryReq) appendBody(to []byte) ([]byte, error) { return to, nil }

func (*TelemetryReq) readBody(*decoder) {}
