package rpc

import (
	"fmt"
	"strings"
)

// suggestion is a hint at the action that may be meant; "" when none is spelled
// much like the name.
func (s *Server) suggestion(name string) string {
	const longest = 64
	if len(name) > longest {
		return ""
	}
	name = strings.ToLower(strings.ReplaceAll(name, "-", "_"))
	best, least := "", 1+max(1, len(name)/3) // a third of the letters may be wrong
	for _, a := range actions {
		for _, known := range append([]string{a.name}, a.aliases...) {
			if s.find(known) == nil {
				continue
			}
			if d := Spelling(name, known); d < least {
				best, least = known, d
			}
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; is %q meant?", best)
}

// Spelling is how far two spellings are apart: the number of letters to change,
// add, drop or swap with the next to make b of a.
func Spelling(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			wrong := 1
			if a[i] == b[j] {
				wrong = 0
			}
			row[j+1] = min(last[j]+wrong, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
