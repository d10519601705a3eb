package messages

// Telemetry is every message that the telemetry actor accepts.
//
//sumtype:decl
type Telemetry interface{ toTelemetry() }

// TelemetryArrived carries what a peer says of itself, as it came. Its length
// is checked, and nothing else.
type TelemetryArrived struct {
	Conn   ConnID
	NodeID [32]byte // that the handshake has proved
	Body   []byte   // the receiver's own
	Credit Credit
}

// MailboxSource puts each peer's messages in a queue of their own.
func (m *TelemetryArrived) MailboxSource() Source { return m.Conn.source() }

// Refused gives back what the message holds.
func (m *TelemetryArrived) Refused(error) { Release(m.Credit) }

// TelemetryAsked is a peer's question for what this node says of itself.
type TelemetryAsked struct {
	Conn   ConnID
	Credit Credit
}

// MailboxSource puts each peer's messages in a queue of their own.
func (m *TelemetryAsked) MailboxSource() Source { return m.Conn.source() }

// Refused gives back what the message holds.
func (m *TelemetryAsked) Refused(error) { Release(m.Credit) }

func (*TelemetryArrived) toTelemetry() {}
func (*TelemetryAsked) toTelemetry()   {}
func (*PeerUp) toTelemetry()           {}
func (*PeerDown) toTelemetry()         {}
func (*Tick) toTelemetry()             {}
