package wire

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The table of messages in PROTOCOL.md is what the code does.
func TestProtocolTextLengths(t *testing.T) {
	text, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([0-9A-F]{2})` \\| ([a-z_]+) \\| ([0-9][0-9a-z ]*) \\|").FindAllStringSubmatch(string(text), -1)
	found := map[string]string{}
	for _, r := range rows {
		found[r[1]+" "+r[2]] = r[3]
	}
	for typ := TypeHandshake; typ <= TypeAttestation; typ++ {
		name := fmt.Sprintf("%02X %v", uint8(typ), typ)
		if got, want := found[name], strings.TrimPrefix(typ.Limits().String(), "exactly "); got != want {
			t.Errorf("PROTOCOL.md says of %s: %q, want %q", name, got, want)
		}
	}
	if len(rows) != int(TypeAttestation) {
		t.Errorf("PROTOCOL.md has %d rows of messages, want %d", len(rows), TypeAttestation)
	}
}
